import { activityInfo, CompleteAsyncError, getClient } from '@temporalio/activity';
import type { RawJson } from '../../domain/raw-json.ts';
import type { SettledRun } from '../../domain/requests.ts';
import type { RunActivities } from '../../domain/run-contract.ts';
import { createCallBudget, withinBudget } from '../calls/call-budget.ts';

/** A missing answer leaves the report to the SDK, which has more patience. */
const WITHIN_MS = 5_000;

/**
 * What is larger is left to the SDK, which knows the namespace's limit of a payload: Temporal answers a report
 * over it with OK and writes a failure. With its journal (128 KiB at most) this is far below any limit in use.
 */
const MAX_BYTES = 128 * 1024;

/**
 * The same activity, which reports its completion itself. Temporal's answer to that says that the result is
 * durable, some milliseconds before the workflow, and with it whoever waits, would learn of it through its next
 * task. Without that answer the SDK reports as ever: Temporal takes one report of an attempt and refuses others.
 *
 * @param settle told of the run once Temporal has its result
 */
export function completeEarly(
  { callUpstream }: RunActivities<RawJson>,
  settle: (workflowId: string, run: SettledRun) => void,
): RunActivities<RawJson> {
  return {
    async callUpstream(call, body) {
      const result = await callUpstream(call, body);
      if (result.bytes.byteLength > MAX_BYTES) return result;
      const { workflowId } = activityInfo().workflowExecution ?? {};
      if (workflowId === undefined) return result;
      const isReported = await report(workflowId, result).catch(() => false);
      if (!isReported) return result;
      settle(workflowId, { kind: 'completed', result: result.bytes });
      throw new CompleteAsyncError();
    },
  };
}

async function report(workflowId: string, result: RawJson): Promise<boolean> {
  const { taskToken, activityId, namespace } = activityInfo();
  const client = getClient();
  const budget = createCallBudget(WITHIN_MS);
  const serializationContext = {
    type: 'activity',
    namespace,
    workflowId,
    activityId,
    isLocal: false,
  } as const;
  const complete = client.connection.withDeadline(budget.deadlineMs, () =>
    client.activity.complete(taskToken, result, { serializationContext }),
  );
  await withinBudget(budget, complete);
  return true;
}
