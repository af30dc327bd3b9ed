import { activityInfo, CompleteAsyncError } from '@temporalio/activity';
import { type RawJson, textOf } from '../../domain/raw-json.ts';
import { completedRun, type SettledRun } from '../../domain/requests.ts';
import { isJournal, type RunActivities } from '../../domain/run-contract.ts';
import { reportOnAttempt } from './attempt-reports.ts';

/**
 * Larger results are left to the SDK, which knows the namespace's payload limit. Temporal answers a report
 * over that limit with OK and records a failure. With its journal (128 KiB at most), a result of this size is
 * far below any limit in use.
 */
const MAX_BYTES = 128 * 1024;

/**
 * Wraps the activity so that it reports its completion itself. Temporal's answer to the report proves that
 * the result is durable. That comes some milliseconds before the workflow's next task, from which the
 * workflow and the held callers would otherwise learn of it. Without that answer the SDK reports as usual,
 * because Temporal accepts one report of an attempt and refuses the others.
 *
 * @param settle called with the run once Temporal has its result
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
      const isReported = await reportOnAttempt((activity, taskToken, options) =>
        activity.complete(taskToken, result, options),
      ).then(
        () => true,
        () => false,
      );
      if (!isReported) return result;
      const journal = isJournal(result.beside) ? result.beside : null;
      settle(workflowId, completedRun(textOf(result), journal));
      throw new CompleteAsyncError();
    },
  };
}
