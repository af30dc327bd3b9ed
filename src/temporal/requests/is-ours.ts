import type { Client } from '@temporalio/client';
import { DELETION_TYPE, MEMO_KEY, WORKFLOW_TYPE } from '../../domain/run.ts';

/** Whether the newest workflow with this id is a request of ours, by what is visible without a key. */
export async function isOurs(client: Client, workflowId: string): Promise<boolean> {
  const { workflowExecutionInfo } = await client.workflowService.describeWorkflowExecution({
    namespace: client.options.namespace,
    execution: { workflowId },
  });
  const type = workflowExecutionInfo?.type?.name;
  const isOurType = type === WORKFLOW_TYPE || type === DELETION_TYPE;
  return isOurType && workflowExecutionInfo?.memo?.fields?.[MEMO_KEY] !== undefined;
}
