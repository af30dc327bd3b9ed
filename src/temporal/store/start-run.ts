import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawJson } from '../../domain/raw-json.ts';
import { unavailable } from '../../domain/refusal.ts';
import type { RequestRef } from '../../domain/request-id.ts';
import {
  MEMO_KEY,
  RUN_SLACK_MS,
  type RunInput,
  type RunMemo,
  WORKFLOW_TYPE,
} from '../../domain/run-contract.ts';
import { type CallBudget, GrpcCode, grpcCode, withinBudget } from '../calls/call-budget.ts';
import { withStartId } from '../sdk-internals.ts';
import { FOREKNOWN_BUILD, type RunSearchAttributes } from '../search-attributes.ts';

/** The same for every run of a process. */
export interface StartSettings {
  readonly taskQueue: string;
  readonly heartbeatTimeoutSeconds: number;
  /** Only where a worker shares this process and connection. */
  readonly eagerStart: boolean;
  readonly searchAttributes: RunSearchAttributes;
  /** Whether every run is worked on by this process's own worker. */
  readonly workersAreOurs: boolean;
  /** Whether API keys say whose the requests are. */
  readonly isKeyed: boolean;
  /** The namespace's retention as far as it is known. */
  readonly retentionMs: () => number | null;
}

/** One run of a request: the first, or a retry by hand. */
export interface NewRun {
  readonly ref: RequestRef;
  /** Temporal answers the same start, sent again, with the run that it made. */
  readonly startId: string;
  readonly memo: RunMemo;
  readonly body: RawJson;
}

/**
 * Temporal decides atomically who was first. `already started`: the id is taken; for a first run by any run, running
 * or closed; for a later one by a run that goes on or completed. `unknown`: Temporal did not answer; with the last
 * error.
 */
export type StartOutcome = 'started' | 'already started' | { readonly unknown: unknown };

/** One try may take this long; the budget holds two of them. */
export const TRY_MS = 2_000;
/** Between two tries: an error that comes at once must not be asked for a thousand times. */
const PAUSE_MS = 200;
/** With less than this left, another try could not be answered. */
const LAST_TRY_MS = 500;
/** A lost workflow task costs this much, instead of Temporal's 10 s. */
const WORKFLOW_TASK_TIMEOUT = '3 seconds';

/** Answered before anything is done; what is not found is the namespace. */
const REFUSED: ReadonlySet<number> = new Set([
  GrpcCode.notFound,
  GrpcCode.permissionDenied,
  GrpcCode.unimplemented,
  GrpcCode.unauthenticated,
]);

/**
 * Starts a run, and sends the start again while its answer is missing: the run's id, and the id of the start
 * itself, make that harmless.
 *
 * @throws Refusal `service_unavailable` when Temporal's answer is that it takes no starts from us
 */
export async function startRun(
  client: Client,
  settings: StartSettings,
  run: NewRun,
  budget: CallBudget,
): Promise<StartOutcome> {
  const options = withStartId(startOptions(settings, run), run.startId);
  for (let isFirst = true; ; isFirst = false) {
    const untilMs = Math.min(Date.now() + TRY_MS, budget.deadlineMs);
    try {
      const start = client.connection.withDeadline(untilMs, () =>
        client.workflow.start(WORKFLOW_TYPE, options),
      );
      await withinBudget(budget, start);
      return 'started';
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return 'already started';
      const code = grpcCode(error);
      // Temporal refused the start, which therefore did not happen.
      if (code === GrpcCode.invalidArgument) throw error;
      // After a try without an answer, a refusal no longer says that nothing was accepted.
      if (isFirst && code !== null && REFUSED.has(code)) throw unavailable(error);
      if (budget.leftMs() <= LAST_TRY_MS) return { unknown: error };
      await sleep(PAUSE_MS);
    }
  }
}

function startOptions(
  settings: StartSettings,
  { ref: { project, id, workflowId }, memo, body }: NewRun,
): WorkflowStartOptions & { args: [RunInput, RawJson] } {
  const { operation, model, options } = memo;
  const input: RunInput = {
    operation,
    model,
    options,
    heartbeat_timeout_seconds: settings.heartbeatTimeoutSeconds,
    request: { project, id, is_keyed: settings.isKeyed },
  };
  const attributes = [
    ...settings.searchAttributes({ model, project }),
    ...(settings.workersAreOurs ? [FOREKNOWN_BUILD] : []),
  ];
  const retentionMs = settings.retentionMs();
  const kept: RunMemo = retentionMs === null ? memo : { ...memo, retention_ms: retentionMs };
  return {
    workflowId,
    args: [input, body],
    taskQueue: settings.taskQueue,
    workflowIdConflictPolicy: 'FAIL',
    workflowIdReusePolicy: memo.run === 1 ? 'REJECT_DUPLICATE' : 'ALLOW_DUPLICATE_FAILED_ONLY',
    // The backstop for days without workers; while one lives, the activity's own deadline comes first.
    workflowExecutionTimeout: options.deadline_seconds * 1000 + RUN_SLACK_MS,
    workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
    requestEagerStart: settings.eagerStart,
    memo: { [MEMO_KEY]: kept },
    staticSummary: `${operation} · ${model}${memo.run === 1 ? '' : ` · run ${memo.run}`}`,
    priority: { priorityKey: options.priority },
    ...(attributes.length === 0 ? {} : { typedSearchAttributes: new TypedSearchAttributes(attributes) }),
  };
}
