import { Connection } from '@temporalio/client';
import { msNumberToTs } from '@temporalio/common/lib/time.js';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;
const NAMESPACE = 'default';

/** Resolves when the server answers and its namespace keeps closed runs for `retentionHours`. */
export async function untilServerAnswers(address: string, retentionHours: number, withinMs: number): Promise<void> {
  const connection = Connection.lazy({ address });
  const untilMs = Date.now() + withinMs;
  try {
    for (;;) {
      const done = await connection
        .withDeadline(Date.now() + 1_000, () => setRetention(connection, retentionHours * 3600))
        .catch((error: unknown) => {
          if (Date.now() < untilMs) return false;
          throw new Error(`The embedded Temporal server did not answer within ${withinMs / 1000} s.`, { cause: error });
        });
      if (done) return;
      await sleep(POLL_MS);
    }
  } finally {
    await connection.close();
  }
}

async function setRetention(connection: Connection, seconds: number): Promise<boolean> {
  const { config } = await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
  if (Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) === seconds) return true;
  await connection.workflowService.updateNamespace({
    namespace: NAMESPACE,
    config: { workflowExecutionRetentionTtl: msNumberToTs(seconds * 1000) },
  });
  return true;
}
