/** A Temporal server of a few prepared answers: the SDK's own client asks it, protos encoded and decoded. */
import { Client, OperatorService, WorkflowService, type ConnectionLike } from '@temporalio/client';
import { toPayloads, type Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import { RequestOptions } from '../../src/domain/options.ts';
import { MEMO_KEY, type RunMemo, WORKFLOW_TYPE } from '../../src/domain/run-contract.ts';
import { createDataConverter } from '../../src/temporal/data-converter.ts';
import { payloadConverter } from '../../src/temporal/payload-converter.ts';
import { msNumberToTs } from '../../src/temporal/sdk-internals.ts';
import { ATTEMPTED_AT } from './journals.ts';

const {
  DescribeWorkflowExecutionRequest: DescribeRequest,
  DescribeWorkflowExecutionResponse: Described,
  GetWorkflowExecutionHistoryRequest: HistoryRequest,
  GetWorkflowExecutionHistoryResponse: HistoryResponse,
  GetWorkflowExecutionHistoryReverseRequest: ReverseRequest,
  GetWorkflowExecutionHistoryReverseResponse: ReverseResponse,
  QueryWorkflowRequest: QueryRequest,
  QueryWorkflowResponse: Queried,
} = proto.temporal.api.workflowservice.v1;
const { WorkflowExecutionInfo } = proto.temporal.api.workflow.v1;
const { WorkflowExecutionStatus } = proto.temporal.api.enums.v1;

type Description = proto.temporal.api.workflowservice.v1.IDescribeWorkflowExecutionResponse;
export type HistoryEvent = proto.temporal.api.history.v1.IHistoryEvent;
export type PendingActivity = proto.temporal.api.workflow.v1.IPendingActivityInfo;

export const WORKFLOW_ID = 'ticket-842';
export const RUN_ID = 'run-1';

/** A run as Temporal shows it at one moment. */
export interface FakeRun {
  readonly status?: 'RUNNING' | 'PAUSED' | 'COMPLETED' | 'FAILED' | 'CANCELED' | 'TERMINATED' | 'TIMED_OUT';
  readonly historyLength?: number;
  readonly startedAt?: string;
  readonly closedAt?: string;
  readonly cancelRequested?: boolean;
  /** Whether a workflow task is to be done. Not while Temporal delays the start. */
  readonly workflowTask?: boolean;
  readonly pending?: PendingActivity;
  readonly memo?: RunMemo;
  /** Of the run that this one was reset from, and of those before it. */
  readonly firstRunId?: string;
  /** Oldest first. */
  readonly events?: readonly HistoryEvent[];
}

export interface FakeTemporal {
  readonly client: Client;
  /** What was asked, with the run's id. */
  readonly asked: readonly string[];
}

interface FakeAnswers {
  /** By run id: how it is at each describe, one after the other; the last one stays. */
  readonly runs: Readonly<Record<string, readonly FakeRun[]>>;
  /** Rejects where no worker answers a query. */
  readonly query?: () => Promise<unknown>;
}

/** Temporal has no run whose id is not among `runs`. */
export function fakeTemporal({ runs, query }: FakeAnswers): FakeTemporal {
  const asked: string[] = [];
  const describes = new Map<string, number>();
  const runNow = (runId: string): FakeRun => {
    const states = runs[runId] ?? [];
    const state = states[Math.min(Math.max(0, (describes.get(runId) ?? 0) - 1), states.length - 1)];
    if (state === undefined) throw notFound();
    return state;
  };

  async function answer(method: string, request: Uint8Array): Promise<Uint8Array> {
    switch (method) {
      case 'DescribeWorkflowExecution': {
        const runId = DescribeRequest.decode(request).execution?.runId ?? '';
        asked.push(`describe ${runId}`);
        describes.set(runId, (describes.get(runId) ?? 0) + 1);
        return Described.encode(description(runId, runNow(runId))).finish();
      }
      case 'GetWorkflowExecutionHistory': {
        const runId = HistoryRequest.decode(request).execution?.runId ?? '';
        asked.push(`first events ${runId}`);
        return HistoryResponse.encode({ history: { events: [...(runNow(runId).events ?? [])] } }).finish();
      }
      case 'GetWorkflowExecutionHistoryReverse': {
        const { execution, maximumPageSize } = ReverseRequest.decode(request);
        const runId = execution?.runId ?? '';
        asked.push(`last events ${runId}`);
        const events = (runNow(runId).events ?? []).toReversed().slice(0, maximumPageSize);
        return ReverseResponse.encode({ history: { events } }).finish();
      }
      case 'QueryWorkflow': {
        const { query: what, execution } = QueryRequest.decode(request);
        asked.push(`query ${what?.queryType} ${execution?.runId}`);
        return Queried.encode({ queryResult: encoded(await query?.()) }).finish();
      }
      default:
        throw new Error(`no answer is prepared for ${method}`);
    }
  }

  const workflowService = WorkflowService.create((method, request, callback) => {
    answer(method.name, request).then(
      (response) => callback(null, response),
      (error: Error) => callback(error),
    );
  });
  const inScope = <R>(_scope: unknown, call: () => Promise<R>): Promise<R> => call();
  const connection: ConnectionLike = {
    workflowService,
    operatorService: OperatorService.create(() => undefined),
    plugins: [],
    close: async () => undefined,
    ensureConnected: async () => undefined,
    withDeadline: inScope,
    withMetadata: inScope,
    withAbortSignal: inScope,
  };
  const client = new Client({ connection, namespace: 'default', dataConverter: createDataConverter(null) });
  return { client, asked };
}

/** As gRPC reports that there is no such run. */
function notFound(): Error {
  return Object.assign(new Error('5 NOT_FOUND'), { code: 5, details: '', metadata: new Map() });
}

function description(runId: string, run: FakeRun): Description {
  const { status = 'RUNNING', historyLength = 5, startedAt = ATTEMPTED_AT, memo = memoOf() } = run;
  return {
    workflowExecutionInfo: WorkflowExecutionInfo.fromObject({
      execution: { workflowId: WORKFLOW_ID, runId },
      type: { name: WORKFLOW_TYPE },
      status: WorkflowExecutionStatus[`WORKFLOW_EXECUTION_STATUS_${status}`],
      historyLength,
      startTime: timestamp(startedAt),
      closeTime: run.closedAt === undefined ? null : timestamp(run.closedAt),
      memo: { fields: { [MEMO_KEY]: encoded(memo).payloads[0] } },
      firstRunId: run.firstRunId ?? runId,
    }),
    workflowExtendedInfo: { cancelRequested: run.cancelRequested ?? false },
    pendingWorkflowTask: run.workflowTask === true ? {} : null,
    pendingActivities: run.pending === undefined ? [] : [run.pending],
  };
}

/** The memo of a run. */
export function memoOf(
  fields: Partial<Omit<RunMemo, 'options'>> & { readonly options?: object } = {},
): RunMemo {
  return {
    operation: 'chat.completions',
    model: 'm',
    fingerprint: 'f',
    created_at: ATTEMPTED_AT,
    run: fields.earlier === undefined ? 1 : 2,
    ...fields,
    options: RequestOptions.parse(fields.options ?? {}),
  };
}

/** Values as workflows and activities write them. */
export function encoded(...values: readonly unknown[]): { readonly payloads: Payload[] } {
  return { payloads: toPayloads(payloadConverter, ...values) ?? [] };
}

export function timestamp(iso: string): ReturnType<typeof msNumberToTs> {
  return msNumberToTs(Date.parse(iso));
}
