import type { Connection } from '@temporalio/client';
import { findSearchAttributes, type RunSearchAttributes } from './search-attributes.ts';

/** An operator changes these rarely. */
const REFRESH_MS = 60_000;
/** Until they are known for the first time. */
const RETRY_MS = 2_000;
const READ_MS = 2_000;

/** What a process must know of its namespace, kept fresh in the background. */
export interface NamespaceFacts {
  /** Retention of closed runs; null until it was read. */
  retentionMs(): number | null;
  /** Empty until it is known that they are registered. */
  readonly searchAttributes: RunSearchAttributes;
  /** Reads them now, within 2 s; a failure leaves what was known before. */
  refresh(): Promise<void>;
  stop(): void;
}

export function createNamespaceFacts(connection: Connection, namespace: string): NamespaceFacts {
  let retentionMs: number | null = null;
  let attributes: RunSearchAttributes = () => [];
  let timer: NodeJS.Timeout | undefined;

  async function read(): Promise<void> {
    const [{ config }, found] = await connection.withDeadline(Date.now() + READ_MS, () =>
      Promise.all([
        connection.workflowService.describeNamespace({ namespace }),
        findSearchAttributes(connection, namespace),
      ]),
    );
    retentionMs = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) * 1000;
    attributes = found;
  }
  async function refresh(): Promise<void> {
    clearTimeout(timer);
    await read().catch(() => undefined);
    timer = setTimeout(() => void refresh(), retentionMs === null ? RETRY_MS : REFRESH_MS);
    timer.unref();
  }
  return {
    retentionMs: () => retentionMs,
    searchAttributes: (run) => attributes(run),
    refresh,
    stop: () => clearTimeout(timer),
  };
}
