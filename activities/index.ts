import type { RawJson } from '../src/domain/raw-json.ts';
import type { RunActivities } from '../src/domain/run.ts';
import { createCallUpstream, type ActivityDependencies } from './call-upstream.ts';
import { deleteRuns } from './delete-runs.ts';
import { recallAttempts } from './recall-attempts.ts';

export type { ActivityDependencies } from './call-upstream.ts';
export { createRunningCalls, type RunningCalls } from './running-calls.ts';

/** The activities a worker registers; the workflows know them by these names. */
export function createActivities(dependencies: ActivityDependencies): RunActivities<RawJson> {
  return { ...createCallUpstream(dependencies), recallAttempts, deleteRuns };
}
