import type { Client } from '@temporalio/client';
import { until } from './until.ts';

/** Waits until Temporal has removed a run, which it does some seconds after it was asked to. */
export async function untilGone(client: Client, workflowId: string, runId: string): Promise<void> {
  const handle = client.workflow.getHandle(workflowId, runId);
  const look = (): Promise<'there' | 'gone'> =>
    handle.describe().then(
      () => 'there',
      () => 'gone',
    );
  await until(look, (state) => state === 'gone', 40_000);
}
