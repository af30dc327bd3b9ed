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

/** The newest run of a request of ours. */
export interface FoundRun {
  readonly ref: RequestRef;
  readonly description: WorkflowExecutionDescription;
  readonly memo: RunMemo;
}

/** The same, with what is known of it. */
export interface ReadRun extends FoundRun {
  readonly stored: StoredRequest;
  readonly journal: Journal;
}

/** What else can stand under an id. */
type NotOurs = 'nothing' | 'foreign' | 'being deleted';

/** Finds and reads our runs; each call throws `service_unavailable` when Temporal does not answer in its budget. */
export interface RunFinder {
  find(ref: RequestRef, budget: CallBudget): Promise<FoundRun | NotOurs>;
  /**
   * Finds and reads in its turn. Readers of one request that wait for their turn share one read, which begins after
   * all of them have asked: nobody is answered with something older than the question.
   */
  look(ref: RequestRef, budget: CallBudget): Promise<ReadRun | NotOurs>;
  /** Any other call of Temporal's API; null for what Temporal does not have. */
  call<T>(budget: CallBudget, call: () => Promise<T>, on?: Client): Promise<T | null>;
}

/** A read whose turn comes with less than this left is not worth beginning. */
const READ_MS = 1_000;

/** Null for what is not ours. */
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
  const queue = createConcurrencyQueue(CALLS_AT_ONCE);

  async function call<T>(budget: CallBudget, made: () => Promise<T>, on = client): Promise<T | null> {
    const answer = on.connection.withDeadline(budget.deadlineMs, made);
    return withinBudget(budget, answer).catch((error: unknown) => {
      if (isNotFound(error)) return null;
      // A fault of ours is not Temporal's absence: it would be tried again for ever.
      if (error instanceof Refusal || error instanceof TypeError || error instanceof SyntaxError) throw error;
      throw unreadable(error) ?? unavailable(error);
    });
  }

  /** A stranger's memo cannot be read either, where payloads are encrypted. */
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
    // Deleted between the two calls.
    if (state === null) return 'nothing';
    const stored = toRecord(ref.id, description, memo, state, settings());
    return { ...found, stored, journal: state.journal };
  }

  return {
    call,
    find: (ref, budget) => find(ref, budget).catch(naming(ref)),
    look: (ref, budget) => {
      const readInTurn = (seal: () => void): Promise<ReadRun | NotOurs> =>
        queue.take(budget.deadlineMs - READ_MS, () => {
          seal();
          return read(ref, budget);
        });
      return reads.fly(ref.workflowId, readInTurn).result.catch(naming(ref));
    },
  };
}

/** Says which request it is that cannot be read: an operator has to find its key. */
function naming({ id }: RequestRef): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Refusal) || error.code !== 'payload_unreadable') throw error;
    throw new Refusal(error.code, { requestId: id, shouldRetry: false, cause: error.cause });
  };
}

/** Whether the newest workflow with this id is a request of ours, by what is visible without a key. */
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
/** Usually it takes one workflow task. */
const WITHIN_MS = 2_000;

/**
 * A run's end can be read a moment before Temporal has closed it, and only a closed run can be followed by
 * another. Resolves to false where another run has the id by now: a retry's, a deletion's, or none.
 *
 * @throws Refusal `service_unavailable` where no worker closes it in time
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

/** The record is terminal already, so that a plain "not terminal" would contradict it. */
function notClosed(): Refusal {
  return new Refusal('service_unavailable', {
    message:
      'The run that has ended is not closed yet, which takes a worker and a run that is not paused in Temporal. Try again.',
    retryAfterSeconds: 2,
  });
}
