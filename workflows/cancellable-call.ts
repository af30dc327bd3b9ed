import { CancellationScope, CancelledFailure, patched, proxySinks } from '@temporalio/workflow';
import type { Journal } from '../src/domain/journal.ts';
import { CANCELLED_ERROR } from '../src/domain/run-end.ts';
import type { RunSinks } from '../src/domain/run-contract.ts';
import { recallAttempts } from './recall.ts';

const { runs } = proxySinks<RunSinks>();

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
 *
 * Every promise that is made here is held for as long as a model thinks, with a stack trace that the SDK takes.
 */
export function startCancellableCall<T>(start: () => Promise<T>): CancellableCall<T> {
  let recalled: Journal | null = null;
  const run = CancellationScope.current();
  const shield = new CancellationScope({ cancellable: false });
  const scope = new CancellationScope({ cancellable: true, parent: shield });
  const settled = scope.run(() => {
    // Cancelled before its first workflow task: nothing was called, and nothing is to be.
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
