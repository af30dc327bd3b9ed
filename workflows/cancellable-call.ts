import { CancellationScope, CancelledFailure, patched, proxySinks } from '@temporalio/workflow';
import type { Journal } from '../src/domain/journal.ts';
import { CANCELLED_ERROR } from '../src/domain/run-end.ts';
import type { RunSinks } from '../src/domain/run-contract.ts';
import { recallAttempts } from './recall.ts';

const { runs } = proxySinks<RunSinks>();

/**
 * Patch id, used since 0.2.0. Runs of 0.1.0 cancelled the call at once and lost the journal of a call between
 * attempts.
 */
const RECALL_PATCH = 'recall-attempts-before-cancel';

/** The workflow's handle of the upstream call. */
export interface CancellableCall<T> {
  readonly settled: Promise<T>;
  /** The journal of its attempts when it was cancelled. Null = not cancelled, or not recalled yet. */
  recalled(): Journal | null;
}

/**
 * Runs the call shielded from the run's cancellation. A cancellation takes three steps in this order: abort a
 * call in this process, record the journal in the history, cancel the activity in Temporal.
 *
 * Keep the number of promises here low. Each one exists for as long as the model takes to answer, with a
 * stack trace that the SDK records.
 */
export function startCancellableCall<T>(start: () => Promise<T>): CancellableCall<T> {
  let recalled: Journal | null = null;
  const run = CancellationScope.current();
  const shield = new CancellationScope({ cancellable: false });
  const scope = new CancellationScope({ cancellable: true, parent: shield });
  const settled = scope.run(() => {
    // The run was cancelled before its first workflow task. No call was made, and none may be made.
    if (run.consideredCancelled) throw new CancelledFailure(CANCELLED_ERROR.message);
    run.cancelRequested.catch(() =>
      shield.run(async () => {
        if (patched(RECALL_PATCH)) {
          runs.cancelRequested();
          recalled = await recallAttempts();
        }
        scope.cancel();
      }),
    );
    return start();
  });
  return { settled, recalled: () => recalled };
}
