import type { Client, WorkflowStartOptions } from '@temporalio/client';
import type { NewRequest } from '../domain/requests.ts';
import { MEMO_KEY, RUN_SLACK_MS, WORKFLOW_TYPE, type RunInput, type RunMemo } from '../domain/run.ts';
import type { RunSearchAttributes } from './search-attributes.ts';

/** The same for every run of a process. */
export interface StartSettings {
  readonly taskQueue: string;
  readonly heartbeatTimeoutSeconds: number;
  /** Only where a worker shares this process and connection. */
  readonly eagerStart: boolean;
  readonly searchAttributes: RunSearchAttributes;
}

/** A lost workflow task costs this much, instead of Temporal's 10 s. */
const WORKFLOW_TASK_TIMEOUT = '3 seconds';

/**
 * Starts the run whose id decides, atomically in Temporal, who was first. Throws
 * WorkflowExecutionAlreadyStartedError when the id is taken, running or closed.
 */
export async function startRun(
  client: Client,
  settings: StartSettings,
  workflowId: string,
  request: NewRequest,
  createdAt: string,
): Promise<void> {
  const { operation, model, options, fingerprint, body } = request;
  const input: RunInput = {
    operation,
    model,
    options,
    heartbeat_timeout_seconds: settings.heartbeatTimeoutSeconds,
  };
  const memo: RunMemo = { operation, model, fingerprint, options, created_at: createdAt, run: 1 };
  const attributes = settings.searchAttributes(model);
  const start: WorkflowStartOptions = {
    workflowId,
    args: [input, body],
    taskQueue: settings.taskQueue,
    workflowIdConflictPolicy: 'FAIL',
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    // The backstop for days without workers; while one lives, the activity's own deadline comes first.
    workflowExecutionTimeout: options.deadline_seconds * 1000 + RUN_SLACK_MS,
    workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
    requestEagerStart: settings.eagerStart,
    memo: { [MEMO_KEY]: memo },
    staticSummary: `${operation} · ${model}`,
    priority: { priorityKey: options.priority },
    ...(attributes === undefined ? {} : { typedSearchAttributes: attributes }),
  };
  await client.workflow.start(WORKFLOW_TYPE, start);
}
