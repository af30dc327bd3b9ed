import type { Client } from '@temporalio/client';
import { randomUUID } from 'node:crypto';

/** Resets the newest run to its first workflow task, as the Temporal UI offers it; resolves to the run it was. */
export async function resetRun(client: Client, workflowId: string): Promise<string> {
  const handle = client.workflow.getHandle(workflowId);
  const { runId } = await handle.describe();
  const { events } = await handle.fetchHistory();
  const done = events?.find((event) => event.workflowTaskCompletedEventAttributes);
  if (!done?.eventId) throw new Error('no workflow task was done');
  await client.workflowService.resetWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId, runId },
    workflowTaskFinishEventId: done.eventId,
    requestId: randomUUID(),
    reason: 'an operator wants it again',
  });
  return runId;
}
