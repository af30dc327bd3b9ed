import type { DataConverter } from '@temporalio/common';
import { type NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import {
  type ActivityDependencies,
  type AttemptObserver,
  createActivities,
  createRunningCalls,
} from '../../../activities/index.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import type { SettledRun } from '../../domain/requests.ts';
import type { Housekeeping } from '../../domain/run-contract.ts';
import { BUILD_ID } from '../search-attributes.ts';
import type { Waiters } from '../waiting/waiters.ts';
import { recordJournal } from './attempt-reports.ts';
import { completeEarly } from './early-completion.ts';
import { createDeleteRuns, inquire, recallAttempts, recallEarlier } from './housekeeping-activities.ts';
import type { RequestError } from '../../domain/record.ts';
import { fromWorkflowId } from '../../domain/request-id.ts';

export interface WorkerSettings {
  readonly namespace: string;
  readonly taskQueue: string;
  /** Must equal the clients' data converter. The bundle is built for it. */
  readonly dataConverter: DataConverter;
  /** Unique per process, so that each attempt shows which worker made it. */
  readonly identity: string;
  /** How long a stopping worker lets its upstream calls finish. */
  readonly shutdownGraceMs: number;
  /**
   * Maximum upstream calls at once. A model call waits rather than computes. Further runs stay queued in
   * Temporal.
   */
  readonly maxAttemptsInFlight: number;
}

/** Notified of the runs that end on a worker. */
export interface RunObserver {
  /** Called again for the same run if the workflow task that ended it was lost. */
  runEnded(run: SettledRun): void;
}

/** Dependencies of a worker's activities, and the observer of its work. */
type WorkerDependencies = Omit<ActivityDependencies, 'runningCalls' | 'inquire' | 'record' | 'observer'> & {
  /** What `texts` is stored in. Null = there is no blob store. */
  readonly blobs: BlobStore | null;
  /** Null = disabled. */
  readonly observer: (AttemptObserver & RunObserver) | null;
};

/**
 * Workflow tasks at once: enough for every start in flight and its first task. With the SDK's default of 40,
 * a start that found no place was passed over as long as other starts came (9 s with 64 callers in a loop, on
 * two cores).
 */
const WORKFLOW_TASKS_AT_ONCE = 100;

/**
 * Runs that are kept in memory for their next workflow task: no more than have one at once. A run whose call takes long
 * leaves the cache, and is made again from its history when the call ends. That costs 5 ms of CPU, and the caller is
 * answered before. In the cache it would have some 85 KB all the while.
 */
const CACHED_RUNS = WORKFLOW_TASKS_AT_ONCE;

/**
 * Creates a worker that does not run yet. With `waiters`, the worker answers the callers held in this
 * process.
 */
export async function createWorker(
  connection: NativeConnection,
  bundle: WorkflowBundle,
  settings: WorkerSettings,
  dependencies: WorkerDependencies,
  waiters: Waiters | null,
): Promise<Worker> {
  const runningCalls = createRunningCalls();
  const calls = createActivities({ ...dependencies, runningCalls, inquire, record: recordJournal });
  const logFailure = (workflowId: string, { code, reason }: RequestError): void => {
    const { project, id } = fromWorkflowId(workflowId);
    dependencies.log.info({ project, request_id: id, code, reason }, 'request ended');
  };
  const deleteRuns = createDeleteRuns(dependencies.blobs);
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
    maxCachedWorkflows: CACHED_RUNS,
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
