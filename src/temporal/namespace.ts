import type { Connection } from '@temporalio/client';

/** How often a namespace's retention is read again; an operator changes it rarely. */
const REFRESH_MS = 60_000;

/** The namespace's retention, kept fresh in the background of whoever asks; null until it was read. */
export interface Retention {
  ms(): number | null;
  /** Reads it now; a failure leaves the value known before. */
  refresh(): Promise<void>;
  stop(): void;
}

export function createRetention(connection: Connection, namespace: string): Retention {
  let retentionMs: number | null = null;
  async function refresh(): Promise<void> {
    const description = await connection
      .withDeadline(Date.now() + 5_000, () => connection.workflowService.describeNamespace({ namespace }))
      .catch(() => null);
    const seconds = description?.config?.workflowExecutionRetentionTtl?.seconds;
    if (seconds !== undefined && seconds !== null) retentionMs = Number(seconds) * 1000;
  }
  const timer = setInterval(() => void refresh(), REFRESH_MS);
  timer.unref();
  return { ms: () => retentionMs, refresh, stop: () => clearInterval(timer) };
}
