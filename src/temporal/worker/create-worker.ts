import type { DataConverter } from '@temporalio/common';
import { type NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import {
  type ActivityDependencies,
  type AttemptObserver,
  createActivities,
  createRunningCalls,
} from '../../../activities/index.ts';
import type { SettledRun } from '../../domain/requests.ts';
import type { Housekeeping } from '../../domain/run-contract.ts';
import { BUILD_ID } from '../search-attributes.ts';
import type { Waiters } from '../waiting/waiters.ts';
import { completeEarly } from './early-completion.ts';
import { deleteRuns, inquire, recallAttempts, recallEarlier } from './housekeeping-activities.ts';
import type { RequestError } from '../../domain/record.ts';
import { fromWorkflowId } from '../../domain/request-id.ts';

export interface WorkerSettings {
  readonly namespace: string;
  readonly taskQueue: string;
  /** The same as the clients'; the bundle is built for it. */
  readonly dataConverter: DataConverter;
  /** Of its own for each process: a record's attempts say whose they were. */
  readonly identity: string;
  /** How long a stopping worker lets its upstream calls finish. */
  readonly shutdownGraceMs: number;
  /** Upstream calls at once; a model call is waiting, not work. Further runs stay queued in Temporal. */
  readonly maxAttemptsInFlight: number;
  /** Of all workers of the task queue together, kept by Temporal; null = as many as come. */
  readonly maxCallsPerSecond: number | null;
}

/** Told of the runs that end on a worker. */
export interface RunObserver {
  /** Again where the workflow task that ended it was lost. */
  runEnded(run: SettledRun): void;
}

/** What a worker's calls need, and who is told of its work. */
type WorkerDependencies = Omit<ActivityDependencies, 'runningCalls' | 'inquire' | 'observer'> & {
  /** Null = nobody counts. */
  readonly observer: (AttemptObserver & RunObserver) | null;
};

/**
 * Runs kept in memory for each attempt in flight: one that is not costs a replay when it completes, one that
 * is costs some 30 KB and its body.
 */
const CACHED_RUNS_PER_ATTEMPT = 1.2;

/**
 * Room for every start that is under way, its first task included. With the SDK's 40, a start that found none
 * left was passed over for as long as others came (9 s of 64 callers in a loop, on two cores).
 */
const WORKFLOW_TASKS_AT_ONCE = 100;

/** Creates a worker that does not run yet. With `waiters`, it settles the callers held in this process. */
export async function createWorker(
  connection: NativeConnection,
  bundle: WorkflowBundle,
  settings: WorkerSettings,
  dependencies: WorkerDependencies,
  waiters: Waiters | null,
): Promise<Worker> {
  const runningCalls = createRunningCalls();
  const calls = createActivities({ ...dependencies, runningCalls, inquire });
  const logFailure = (workflowId: string, { code, reason }: RequestError): void => {
    const { project, id } = fromWorkflowId(workflowId);
    dependencies.log.info({ project, request_id: id, code, reason }, 'request ended');
  };
  const housekeeping: Housekeeping = { recallAttempts, recallEarlier, deleteRuns };
  return Worker.create({
    connection,
    namespace: settings.namespace,
    taskQueue: settings.taskQueue,
    identity: settings.identity,
    buildId: BUILD_ID,
    workflowBundle: bundle,
    dataConverter: settings.dataConverter,
    activities: {
      ...(waiters === null ? calls : completeEarly(calls, waiters.settle)),
      ...housekeeping,
    },
    maxConcurrentActivityTaskExecutions: settings.maxAttemptsInFlight,
    maxConcurrentWorkflowTaskExecutions: WORKFLOW_TASKS_AT_ONCE,
    maxCachedWorkflows: Math.ceil(settings.maxAttemptsInFlight * CACHED_RUNS_PER_ATTEMPT),
    ...(settings.maxCallsPerSecond === null
      ? {}
      : { maxTaskQueueActivitiesPerSecond: settings.maxCallsPerSecond }),
    // A lost sticky task waits this long instead of Temporal's 10 s.
    stickyQueueScheduleToStartTimeout: '3 seconds',
    shutdownGraceTime: settings.shutdownGraceMs,
    shutdownForceTime: settings.shutdownGraceMs + 5_000,
    sinks: {
      runs: {
        settled: {
          fn: ({ workflowId }, run: SettledRun) => {
            waiters?.settle(workflowId, run);
            dependencies.observer?.runEnded(run);
            if (run.kind === 'failed') logFailure(workflowId, run.error);
          },
          callDuringReplay: false,
        },
        cancelRequested: {
          fn: ({ workflowId }) => runningCalls.cancel(workflowId),
          callDuringReplay: false,
        },
      },
    },
  });
}
