/** The activities a worker registers; the workflow knows them by these names. */
export { createActivities, type ActivityDependencies, type Inquiry } from './call-upstream.ts';
export type { AttemptObserver } from './call-upstream.ts';
export { createRunningCalls } from './running-calls.ts';
