import type { Client } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import {
  InternalWorkflowStartOptionsSymbol,
  type InternalWorkflowStartOptions,
} from '@temporalio/client/lib/internal.js';
import type { RawJson } from '../../domain/raw-json.ts';
import { fromWorkflowId } from '../../domain/request-id.ts';
import { MEMO_KEY, RUN_SLACK_MS, WORKFLOW_TYPE, type RunInput, type RunMemo } from '../../domain/run.ts';
import { FOREKNOWN_BUILD } from '../build-ids.ts';
import type { RunSearchAttributes } from '../search-attributes.ts';

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
  readonly workflowId: string;
  /** Temporal answers the same start, sent again, with the run that it made. */
  readonly startId: string;
  readonly memo: RunMemo;
  readonly body: RawJson;
}

/** A lost workflow task costs this much, instead of Temporal's 10 s. */
const WORKFLOW_TASK_TIMEOUT = '3 seconds';

/**
 * Starts a run; Temporal decides atomically who was first. Throws WorkflowExecutionAlreadyStartedError when the
 * id is taken: for a first run by any run, running or closed; for a later one by a run that goes on or completed.
 */
export async function startRun(client: Client, settings: StartSettings, run: NewRun): Promise<void> {
  const { workflowId, startId, memo, body } = run;
  const { operation, model, options } = memo;
  const input: RunInput = {
    operation,
    model,
    options,
    heartbeat_timeout_seconds: settings.heartbeatTimeoutSeconds,
    ...(settings.isKeyed ? { is_keyed: true } : {}),
  };
  const attributes = [
    ...settings.searchAttributes({ model, project: fromWorkflowId(workflowId).project }),
    ...(settings.workersAreOurs ? [FOREKNOWN_BUILD] : []),
  ];
  const retentionMs = settings.retentionMs();
  const kept: RunMemo = retentionMs === null ? memo : { ...memo, retention_ms: retentionMs };
  const start: InternalWorkflowStartOptions & { args: [RunInput, RawJson] } = {
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
    [InternalWorkflowStartOptionsSymbol]: { requestId: startId },
  };
  await client.workflow.start(WORKFLOW_TYPE, start);
}
