import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Journal } from '../../domain/journal.ts';
import { Refusal, unavailable } from '../../domain/refusal.ts';
import type { RequestRef } from '../../domain/request-id.ts';
import type { StoredRequest } from '../../domain/requests.ts';
import {
  DELETION_TYPE,
  isRunMemo,
  MEMO_KEY,
  type RunMemo,
  WORKFLOW_TYPE,
} from '../../domain/run-contract.ts';
import { unreadable } from '../../encryption/unreadable.ts';
import type { Availability } from '../calls/availability.ts';
import { isNotFound, type CallBudget, withinBudget } from '../calls/call-budget.ts';
import { CALLS_AT_ONCE, createConcurrencyQueue } from '../calls/concurrency-queue.ts';
import { createClosedRuns } from '../run-state/closed-runs.ts';
import { decoderOf } from '../run-state/decode.ts';
import { isOpen, readRun, type RunState } from '../run-state/read-run.ts';
import { type RecordSettings, toRecord } from '../run-state/to-record.ts';
import { createSingleFlight } from '../calls/single-flight.ts';

/** The newest run of a request. */
export interface FoundRun {
  readonly ref: RequestRef;
  readonly description: WorkflowExecutionDescription;
  readonly memo: RunMemo;
}

/** The newest run with its record and journal. */
export interface ReadRun extends FoundRun {
  readonly stored: StoredRequest;
  readonly journal: Journal;
}

/** What an id can lead to if it is not a request. */
type NotOurs = 'nothing' | 'foreign' | 'being deleted';

/**
 * Finds and reads runs. Each call throws `service_unavailable` if Temporal does not answer within the budget.
 */
export interface RunFinder {
  find(ref: RequestRef, budget: CallBudget): Promise<FoundRun | NotOurs>;
  /**
   * Finds and reads the run when its turn comes. Callers that wait to read the same request share one read.
   * That read begins after all of them have asked, so no answer is older than its question.
   */
  look(ref: RequestRef, budget: CallBudget): Promise<ReadRun | NotOurs>;
  /** Makes any other call of Temporal's API. Resolves to null if Temporal does not find the object. */
  call<T>(budget: CallBudget, call: () => Promise<T>, on?: Client): Promise<T | null>;
}

/** A read does not begin with less than this left of its budget. */
const READ_MS = 1_000;

/** Returns null if the id does not lead to a request. */
export function oursOrNull<T extends FoundRun>(found: T | NotOurs): T | null {
  return typeof found === 'string' ? null : found;
}

export function createRunFinder(
  client: Client,
  availability: Availability,
  settings: () => RecordSettings,
): RunFinder {
  const closedRuns = createClosedRuns();
  const reads = createSingleFlight<ReadRun | NotOurs>();
  const queue = createConcurrencyQueue(() => CALLS_AT_ONCE);

  async function call<T>(budget: CallBudget, made: () => Promise<T>, on = client): Promise<T | null> {
    const answer = on.connection.withDeadline(budget.deadlineMs, made);
    return withinBudget(budget, answer).catch((error: unknown) => {
      if (isNotFound(error)) return null;
      // A bug of ours must not be reported as `service_unavailable`, because callers would retry it for ever.
      if (error instanceof Refusal || error instanceof TypeError || error instanceof SyntaxError) throw error;
      throw unreadable(error) ?? unavailable(error);
    });
  }

  /**
   * Describes the newest run. If payloads are encrypted, the memo of a foreign workflow cannot be read
   * either, so an unreadable memo leads to a check for that case.
   */
  async function describe(
    workflowId: string,
    budget: CallBudget,
  ): Promise<WorkflowExecutionDescription | 'foreign' | null> {
    try {
      return await call(budget, () => client.workflow.getHandle(workflowId).describe());
    } catch (error) {
      const isUnreadable = error instanceof Refusal && error.code === 'payload_unreadable';
      if (!isUnreadable || (await call(budget, () => isOurs(client, workflowId))) !== false) throw error;
      return 'foreign';
    }
  }

  async function find(ref: RequestRef, budget: CallBudget): Promise<FoundRun | NotOurs> {
    const description = await describe(ref.workflowId, budget);
    availability.noteAnswer();
    if (description === null) return 'nothing';
    if (description === 'foreign') return description;
    const memo = description.memo?.[MEMO_KEY];
    if (!isRunMemo(memo)) return 'foreign';
    if (description.type === DELETION_TYPE) return 'being deleted';
    return description.type === WORKFLOW_TYPE ? { ref, description, memo } : 'foreign';
  }

  async function readState(
    { ref, description, memo }: FoundRun,
    budget: CallBudget,
  ): Promise<RunState | null> {
    const decoder = decoderOf(client, ref.workflowId);
    const state = await call(budget, () => readRun(client, decoder, description, memo));
    if (state !== null && !isOpen(description)) closedRuns.keep(description.runId, state);
    return state;
  }

  async function read(ref: RequestRef, budget: CallBudget): Promise<ReadRun | NotOurs> {
    const found = await find(ref, budget);
    if (typeof found === 'string') return found;
    const { description, memo } = found;
    const state = closedRuns.get(description.runId) ?? (await readState(found, budget));
    // The run was deleted between the two calls.
    if (state === null) return 'nothing';
    const stored = toRecord(ref.id, description, memo, state, settings());
    return { ...found, stored, journal: state.journal };
  }

  return {
    call,
    find: (ref, budget) => find(ref, budget).catch(naming(ref)),
    look: (ref, budget) => {
      const readInTurn = (seal: () => void): Promise<ReadRun | NotOurs> =>
        queue.take({ untilMs: budget.deadlineMs - READ_MS }, () => {
          seal();
          return read(ref, budget);
        });
      return reads.fly(ref.workflowId, readInTurn).result.catch(naming(ref));
    },
  };
}

/**
 * Adds the request's id to a `payload_unreadable` error, because an operator has to find its encryption key.
 */
function naming({ id }: RequestRef): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Refusal) || error.code !== 'payload_unreadable') throw error;
    throw new Refusal(error.code, { requestId: id, shouldRetry: false, cause: error.cause });
  };
}

/**
 * Whether the newest workflow with this id is a request of ours. Uses only what can be read without an
 * encryption key.
 */
async function isOurs(client: Client, workflowId: string): Promise<boolean> {
  const { workflowExecutionInfo } = await client.workflowService.describeWorkflowExecution({
    namespace: client.options.namespace,
    execution: { workflowId },
  });
  const type = workflowExecutionInfo?.type?.name;
  const isOurType = type === WORKFLOW_TYPE || type === DELETION_TYPE;
  return isOurType && workflowExecutionInfo?.memo?.fields?.[MEMO_KEY] !== undefined;
}

const POLL_MS = 25;
/** How long to wait for the close. Usually it takes one workflow task. */
const WITHIN_MS = 2_000;

/**
 * Waits until the run is closed. Its end can be read a moment before Temporal closes it, and only a closed
 * run can be followed by another. Resolves to false if the id no longer leads to this run: a retry or a
 * deletion has it, or it is gone.
 *
 * @throws Refusal `service_unavailable` if no worker closes the run in time
 */
export async function untilClosed(runs: RunFinder, run: FoundRun, budget: CallBudget): Promise<boolean> {
  const { runId } = run.description;
  const giveUpMs = Math.min(Date.now() + WITHIN_MS, budget.deadlineMs);
  for (let seen: FoundRun | null = run; ; seen = oursOrNull(await runs.find(run.ref, budget))) {
    if (seen?.description.runId !== runId) return false;
    if (!isOpen(seen.description)) return true;
    if (Date.now() >= giveUpMs) throw notClosed();
    await sleep(POLL_MS);
  }
}

/**
 * The error for a run that has ended but is not closed. The record is terminal already, so "not terminal"
 * would contradict it.
 */
function notClosed(): Refusal {
  return new Refusal('service_unavailable', {
    message:
      'The run has ended but is not closed yet. A worker must be running, and the run must not be paused in Temporal. Try again.',
    retryAfterSeconds: 2,
  });
}
