import type { Connection } from '@temporalio/client';
import { findSearchAttributes, type RunSearchAttributes } from './search-attributes.ts';

/** Refresh interval once the facts are known. Operators change them rarely. */
const REFRESH_MS = 60_000;
/** Retry interval until the first successful read. */
const RETRY_MS = 2_000;
const READ_MS = 2_000;

/** Facts about the namespace, refreshed in the background. */
export interface NamespaceFacts {
  /** Retention of closed runs. Null = not read yet. */
  retentionMs(): number | null;
  /** Returns no attributes until a read has shown which ones are registered. */
  readonly searchAttributes: RunSearchAttributes;
  /** Reads the facts now, within 2 s. If the read fails, the previous values stay. */
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
