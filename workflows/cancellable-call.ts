import {
  CancellationScope,
  CancelledFailure,
  patched,
  proxyLocalActivities,
  proxySinks,
  workflowInfo,
} from '@temporalio/workflow';
import type { Journal } from '../src/domain/journal.ts';
import { CANCELLED_ERROR } from '../src/domain/request-error.ts';
import type { Housekeeping, RunSinks } from '../src/domain/run.ts';

const { runs } = proxySinks<RunSinks>();
/** A local one: it must not queue behind the upstream calls of a worker that has all its hands full. */
const { recallAttempts } = proxyLocalActivities<Housekeeping>({
  startToCloseTimeout: '5 seconds',
  scheduleToCloseTimeout: '30 seconds',
  retry: { initialInterval: '200 milliseconds', maximumInterval: '2 seconds' },
});

/** Since 0.2.0; runs of 0.1.0 cancelled the call at once and lost the journal of a call between attempts. */
const RECALL_PATCH = 'recall-attempts-before-cancel';

/** The upstream call as the workflow holds it. */
export interface CancellableCall<T> {
  readonly settled: Promise<T>;
  /** What was known of its attempts when it was cancelled; null while it was not. */
  recalled(): Journal | null;
}

/**
 * Runs the call shielded from the run's cancellation, which is carried out in this order: a call in this
 * process is told at once, then the attempts so far are put into the history, then Temporal is told.
 */
export function startCancellableCall<T>(start: () => Promise<T>): CancellableCall<T> {
  let recalled: Journal | null = null;
  const run = CancellationScope.current();
  const shield = new CancellationScope({ cancellable: false });
  const settled = shield.run(async () => {
    // Cancelled before its first workflow task: nothing was called, and nothing is to be.
    if (run.consideredCancelled) throw new CancelledFailure(CANCELLED_ERROR.message);
    const scope = new CancellationScope();
    run.cancelRequested.catch(() =>
      shield.run(async () => {
        if (patched(RECALL_PATCH)) {
          runs.cancelRequested();
          const { workflowId, runId } = workflowInfo();
          recalled = await recallAttempts({ workflow_id: workflowId, run_id: runId }).catch(() => null);
        }
        scope.cancel();
      }),
    );
    return scope.run(start);
  });
  return { settled, recalled: () => recalled };
}
