/** The activities that a worker registers. The workflow calls them by these names. */
export { createActivities, type ActivityDependencies, type Inquiry } from './call-upstream.ts';
export type { AttemptObserver } from './end-attempt.ts';
export { createRunningCalls } from './running-calls.ts';
