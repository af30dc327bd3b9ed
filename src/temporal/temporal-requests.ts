import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import { randomBytes } from 'node:crypto';
import { Refusal } from '../domain/refusal.ts';
import { newRequestId } from '../domain/request-id.ts';
import type {
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
import type { LongPolls } from './long-polls.ts';
import { readRun } from './read-run.ts';
import { createRpcBudget, unavailable, withinBudget, type RpcBudget } from './rpc-budget.ts';
import { startUntilKnown } from './start-until-known.ts';
import type { StartSettings } from './start-run.ts';
import { toRecord, type RecordSettings } from './to-record.ts';
import type { Waiter, Waiters } from './waiters.ts';

export interface TemporalRequestsDependencies {
  readonly client: Client;
  readonly start: StartSettings;
  readonly record: () => RecordSettings;
  readonly availability: Availability;
  readonly waiters: Waiters;
  /** Null where every run is settled by this process's own worker. */
  readonly longPolls: LongPolls | null;
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
  const { client, availability, waiters, longPolls } = dependencies;
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

  async function read(id: string, wait: Wait): Promise<StoredRequest | null> {
    const waiter = waiters.join(id);
    try {
      const budget = createRpcBudget();
      await availability.ensure();
      const run = await describe(id, budget);
      if (run === null || run === 'foreign') return null;
      const stored = await load(run, budget);
      if (stored.record.terminal || wait.ms <= 0) return stored;
      await hold(waiter, id, wait);
      const after = createRpcBudget();
      const again = await describe(id, after);
      return again === null || again === 'foreign' ? null : await load(again, after);
    } finally {
      waiter.leave();
    }
  }

  return {
    read,
    reachable: () => availability.check(),

    async submit(request: NewRequest, wait: Wait) {
      const id = request.key ?? newRequestId(randomBytes);
      const createdAt = new Date().toISOString();
      const waiter = waiters.join(id);
      try {
        await availability.ensure();
        const budget = createRpcBudget();
        const started = await startUntilKnown(client, dependencies.start, id, request, createdAt, budget);
        availability.noteAnswer();
        if (started === 'started' || request.key === null) {
          const settled = wait.ms > 0 ? await hold(waiter, id, wait) : null;
          if (settled !== null) return { id, createdAt, replayed: false, run: settled };
          if (wait.ms <= 0 || wait.signal.aborted) return { id, createdAt, replayed: false, run: QUEUED };
          const now = await describe(id, createRpcBudget()).catch(() => null);
          const run = now === null || now === 'foreign' ? QUEUED : toRun(await load(now, createRpcBudget()));
          return { id, createdAt, replayed: false, run };
        }
        const existing = await describe(id, budget);
        if (existing === 'foreign') throw new Refusal('idempotency_key_unavailable');
        if (existing === null) throw unavailable();
        if (
          existing.memo.fingerprint !== request.fingerprint ||
          existing.memo.operation !== request.operation
        ) {
          throw new Refusal('idempotency_key_reused');
        }
        const joined = { id, createdAt: existing.memo.created_at, replayed: true };
        const stored = await load(existing, budget);
        if (stored.record.terminal || wait.ms <= 0) return { ...joined, run: toRun(stored) };
        const settled = await hold(waiter, id, wait);
        if (settled !== null) return { ...joined, run: settled };
        const again = await describe(id, createRpcBudget()).catch(() => null);
        const later = again === null || again === 'foreign' ? stored : await load(again, createRpcBudget());
        return { ...joined, run: toRun(later) };
      } finally {
        waiter.leave();
      }
    },
  };
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
