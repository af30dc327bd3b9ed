import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import { randomBytes } from 'node:crypto';
import { Refusal } from '../domain/refusal.ts';
import { newRequestId } from '../domain/request-id.ts';
import { enter, type Limit } from '../domain/limit.ts';
import type {
  Acceptance,
  NewRequest,
  PendingRun,
  Requests,
  SettledRun,
  StoredRequest,
  Wait,
} from '../domain/requests.ts';
import { isRunMemo, MEMO_KEY, WORKFLOW_TYPE, type RunMemo } from '../domain/run.ts';
import { RequestStatus } from '../domain/words.ts';
import type { Availability } from './availability.ts';
import { createDecoder } from './decode.ts';
import { createFirstOfEquals, type Started } from './first-of-equals.ts';
import type { LongPolls } from './long-polls.ts';
import { readRun } from './read-run.ts';
import {
  acceptanceUnknown,
  createRpcBudget,
  unavailable,
  withinBudget,
  type RpcBudget,
} from './rpc-budget.ts';
import { startUntilKnown, TRY_MS } from './start-until-known.ts';
import type { StartSettings } from './start-run.ts';
import { toRecord, type RecordSettings } from './to-record.ts';
import { createSharedReads } from './shared-reads.ts';
import { CALLS_AT_ONCE, createTurns } from './turns.ts';
import type { Waiter, Waiters } from './waiters.ts';

export interface TemporalRequestsDependencies {
  readonly client: Client;
  readonly start: StartSettings;
  readonly record: () => RecordSettings;
  readonly availability: Availability;
  readonly waiters: Waiters;
  /** Null where every run is settled by this process's own worker. */
  readonly longPolls: LongPolls | null;
  /** POSTs that Temporal has not answered yet. */
  readonly accepting: Limit;
  /** GETs that Temporal has not answered yet. Who is let in and then held is not refused afterwards. */
  readonly reading: Limit;
}

interface OwnRun {
  readonly description: WorkflowExecutionDescription;
  readonly memo: RunMemo;
}

const QUEUED: PendingRun = {
  kind: 'pending',
  status: RequestStatus.queued,
  attempts: 0,
  lastErrorCode: null,
  nextAttemptAt: null,
};

/** {@link Requests} on Temporal: one workflow per request, whose id is the record's id. */
export function createTemporalRequests(dependencies: TemporalRequestsDependencies): Requests {
  const { client, availability, waiters, longPolls, accepting, reading } = dependencies;
  const first = createFirstOfEquals();
  const starts = createTurns(CALLS_AT_ONCE);
  const decoder = createDecoder(client.options.loadedDataConverter);

  /** Null for an unknown id and for a workflow that is not ours. */
  async function describe(id: string, budget: RpcBudget): Promise<OwnRun | 'foreign' | null> {
    const call = client.connection.withDeadline(budget.deadlineMs, () =>
      client.workflow.getHandle(id).describe(),
    );
    const description = await withinBudget(budget, call).catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error instanceof Refusal ? error : unavailable(error);
    });
    availability.noteAnswer();
    if (description === null) return null;
    const memo = description.memo?.[MEMO_KEY];
    return description.type === WORKFLOW_TYPE && isRunMemo(memo) ? { description, memo } : 'foreign';
  }

  async function load(run: OwnRun, budget: RpcBudget): Promise<StoredRequest> {
    const read = client.connection.withDeadline(budget.deadlineMs, () =>
      readRun(client, decoder, run.description),
    );
    const state = await withinBudget(budget, read).catch((error: unknown) => {
      throw error instanceof Refusal ? error : unavailable(error);
    });
    return toRecord(run.description, run.memo, state, dependencies.record());
  }

  const read = createSharedReads(CALLS_AT_ONCE, async (id, budget) => {
    const run = await describe(id, budget);
    return run === null || run === 'foreign' ? run : { run, stored: await load(run, budget) };
  });

  async function look(id: string): Promise<StoredRequest | null> {
    const found = await read(id, createRpcBudget());
    return found === null || found === 'foreign' ? null : found.stored;
  }

  /** Sends the start in its turn, and never while Temporal is known to be away. */
  async function start(
    id: string,
    request: NewRequest,
    createdAt: string,
    budget: RpcBudget,
  ): Promise<Started> {
    await availability.ensure();
    const started = await starts.take(budget.deadlineMs - TRY_MS, async () => {
      await availability.ensure();
      return startUntilKnown(client, dependencies.start, id, request, createdAt, budget);
    });
    availability.noteAnswer();
    return started;
  }

  /** Holds the caller until the run has settled or the wait is over. */
  async function hold(waiter: Waiter, id: string, wait: Wait): Promise<SettledRun | null> {
    if (longPolls === null) return waiter.wait(wait);
    const polled = new AbortController();
    const signal = AbortSignal.any([wait.signal, polled.signal]);
    const poll = longPolls.untilClosed(id, { ms: wait.ms, signal: wait.signal }).then(() => polled.abort());
    const settled = await waiter.wait({ ms: wait.ms, signal });
    void poll;
    return settled;
  }

  /** How an accepted request stands when the wait is over. Nothing that fails here takes the acceptance back. */
  async function follow(
    waiter: Waiter,
    id: string,
    wait: Wait,
    known: PendingRun,
  ): Promise<SettledRun | PendingRun> {
    if (!canHold(wait)) return known;
    const settled = await hold(waiter, id, wait);
    if (settled !== null || wait.signal.aborted) return settled ?? known;
    const stored = await look(id).catch(() => null);
    return stored === null ? known : toRun(stored);
  }

  const canHold = (wait: Wait): boolean => wait.ms > 0 && !wait.signal.aborted && !waiters.isFull();

  /** The request that has the key already; a missing answer leaves open whether it is this one. */
  async function join(id: string, request: NewRequest, budget: RpcBudget): Promise<Acceptance> {
    const found = await read(id, budget).catch((cause: unknown) => {
      throw acceptanceUnknown(id, { shouldRetry: true, cause });
    });
    if (found === 'foreign') throw new Refusal('idempotency_key_unavailable');
    if (found === null) throw unavailable();
    const { memo } = found.run;
    if (memo.fingerprint !== request.fingerprint || memo.operation !== request.operation) {
      throw new Refusal('idempotency_key_reused');
    }
    return { id, createdAt: memo.created_at, replayed: true, run: toRun(found.stored) };
  }

  return {
    reachable: () => availability.check(),

    read: async (id, wait) => {
      const place = enter(reading);
      const waiter = waiters.join(id);
      const budget = createRpcBudget();
      const left = startWait(wait);
      try {
        await availability.ensure();
        const found = await read(id, budget);
        place.leave();
        const stored = found === null || found === 'foreign' ? null : found.stored;
        if (stored === null || stored.record.terminal || !canHold(left())) return stored;
        await hold(waiter, id, left());
        return await look(id);
      } finally {
        waiter.leave();
        place.leave();
      }
    },

    async submit(request, wait) {
      const place = enter(accepting);
      const id = request.key ?? newRequestId(randomBytes);
      const createdAt = new Date().toISOString();
      const waiter = waiters.join(id);
      const budget = createRpcBudget();
      const left = startWait(wait);
      try {
        const started = await first.start(id, () => start(id, request, createdAt, budget));
        const accepted: Acceptance =
          started === 'started' || request.key === null
            ? { id, createdAt, replayed: false, run: QUEUED }
            : await join(id, request, budget);
        place.leave();
        if (accepted.run.kind !== 'pending') return accepted;
        return { ...accepted, run: await follow(waiter, id, left(), accepted.run) };
      } finally {
        waiter.leave();
        place.leave();
      }
    },
  };
}

/** A wait counts from the call's arrival: what was spent on accepting is no longer to be waited. */
function startWait({ ms, signal }: Wait): () => Wait {
  const untilMs = Date.now() + ms;
  return () => ({ ms: Math.max(0, untilMs - Date.now()), signal });
}

function toRun({ record, result }: StoredRequest): SettledRun | PendingRun {
  if (result !== null) return { kind: 'completed', result };
  if (record.error !== null) return { kind: 'failed', error: record.error };
  return {
    kind: 'pending',
    status: record.status,
    attempts: record.attempts,
    lastErrorCode: record.last_error_code,
    nextAttemptAt: record.next_attempt_at,
  };
}
