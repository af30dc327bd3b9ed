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
  callTitle,
  MEMO_KEY,
  RUN_SLACK_MS,
  type RunInput,
  type RunMemo,
  WORKFLOW_TYPE,
} from '../../domain/run-contract.ts';
import { type CallBudget, GrpcCode, grpcCode, withinBudget } from '../calls/call-budget.ts';
import { withStartId } from '../sdk-internals.ts';
import { FOREKNOWN_BUILD, type RunSearchAttributes } from '../search-attributes.ts';

/** Settings that are the same for every run of a process. */
export interface StartSettings {
  readonly taskQueue: string;
  readonly heartbeatTimeoutSeconds: number;
  /** Whether starts may be eager. Only possible if a worker shares this process and connection. */
  readonly eagerStart: boolean;
  readonly searchAttributes: RunSearchAttributes;
  /** Whether this process's own worker takes every run. */
  readonly workersAreOurs: boolean;
  /** Whether API keys decide which project a request belongs to. */
  readonly isKeyed: boolean;
  /** The project's share of the turns, in relation to other projects. */
  readonly weightOf: (project: string) => number;
  /** The namespace's retention. Null = not known yet. */
  readonly retentionMs: () => number | null;
}

/** One run of a request: the first, or a retry by hand. */
export interface NewRun {
  readonly ref: RequestRef;
  /**
   * Id of the start. Temporal answers the same start, if sent again, with the run that the first one created.
   */
  readonly startId: string;
  readonly memo: RunMemo;
  readonly body: RawJson;
}

/**
 * Outcome of a start. Temporal decides atomically which start was first.
 *
 * - `already started`: the id is taken. For a first run, any run has it, running or closed. For a later run,
 *   a run that is running or completed has it.
 * - `unknown`: Temporal did not answer. Carries the last error.
 */
export type StartOutcome = 'started' | 'already started' | { readonly unknown: unknown };

/** Time limit of one try. The budget holds two tries. */
const TRY_MS = 2_000;
/** Pause between two tries, so that an error that comes at once is not repeated a thousand times. */
const PAUSE_MS = 200;
/** With less than this left, there is no time for another try. */
const LAST_TRY_MS = 500;
/** A lost workflow task costs this long instead of Temporal's 10 s. */
const WORKFLOW_TASK_TIMEOUT = '3 seconds';

/** Codes with which Temporal refuses a start before it does anything. `notFound` refers to the namespace. */
const REFUSED: ReadonlySet<number> = new Set([
  GrpcCode.notFound,
  GrpcCode.permissionDenied,
  GrpcCode.unimplemented,
  GrpcCode.unauthenticated,
]);

/**
 * Starts a run. If the answer is missing, sends the start again; the ids of the run and of the start make
 * that harmless.
 *
 * @param eager whether the first task of the run comes with the answer, to this process's worker
 * @throws Refusal `service_unavailable` if Temporal answers that it accepts no starts from this process
 */
export async function startRun(
  client: Client,
  settings: StartSettings,
  run: NewRun,
  budget: CallBudget,
  eager: boolean,
): Promise<StartOutcome> {
  for (let isFirst = true; ; isFirst = false) {
    // Made for each try, because what is left of a start delay shrinks.
    const options = withStartId(startOptions(settings, run, Date.now(), eager), run.startId);
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
      // Temporal refused the start, so the run does not exist.
      if (code === GrpcCode.invalidArgument) throw error;
      // After a try without an answer, a refusal does not prove that nothing was accepted.
      if (isFirst && code !== null && REFUSED.has(code)) throw unavailable(error);
      if (budget.leftMs() <= LAST_TRY_MS) return { unknown: error };
      await sleep(PAUSE_MS);
    }
  }
}

function startOptions(
  settings: StartSettings,
  { ref: { project, id, workflowId }, memo, body }: NewRun,
  nowMs: number,
  eager: boolean,
): WorkflowStartOptions & { args: [RunInput, RawJson] } {
  const { operation, model, options, stream = false } = memo;
  const input: RunInput = {
    operation,
    model,
    options,
    heartbeat_timeout_seconds: settings.heartbeatTimeoutSeconds,
    request: { project, id, is_keyed: settings.isKeyed },
    ...(stream ? { stream } : {}),
  };
  const attributes = [
    ...settings.searchAttributes({ model, project }),
    ...(settings.workersAreOurs ? [FOREKNOWN_BUILD] : []),
  ];
  const retentionMs = settings.retentionMs();
  const delayMs = options.run_at === null ? 0 : Math.max(0, Date.parse(options.run_at) - nowMs);
  const kept: RunMemo = {
    ...memo,
    ...(retentionMs === null ? {} : { retention_ms: retentionMs }),
    start_delay_ms: delayMs,
  };
  return {
    workflowId,
    args: [input, body],
    taskQueue: settings.taskQueue,
    workflowIdConflictPolicy: 'FAIL',
    workflowIdReusePolicy: memo.run === 1 ? 'REJECT_DUPLICATE' : 'ALLOW_DUPLICATE_FAILED_ONLY',
    // Ends the run if no worker is running. While a worker is running, the activity's own deadline comes
    // first. Temporal counts it from the start call, so the start delay is added.
    workflowExecutionTimeout: delayMs + options.deadline_seconds * 1000 + RUN_SLACK_MS,
    workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
    ...(delayMs === 0 ? { requestEagerStart: eager } : { startDelay: delayMs }),
    memo: { [MEMO_KEY]: kept },
    staticSummary: `${callTitle(memo)}${memo.run === 1 ? '' : ` · run ${memo.run}`}`,
    priority: {
      priorityKey: options.priority,
      // Read only by servers that have fairness enabled.
      fairnessKey: project,
      fairnessWeight: settings.weightOf(project),
    },
    ...(attributes.length === 0 ? {} : { typedSearchAttributes: new TypedSearchAttributes(attributes) }),
  };
}
