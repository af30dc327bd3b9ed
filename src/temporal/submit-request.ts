import type { Client } from '@temporalio/client';
import { randomBytes, randomUUID } from 'node:crypto';
import { Refusal } from '../domain/refusal.ts';
import { newRequestId } from '../domain/request-id.ts';
import type {
  Acceptance,
  NewRequest,
  PendingRun,
  SettledRun,
  StoredRequest,
  Wait,
} from '../domain/requests.ts';
import { RequestStatus } from '../domain/words.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { hold } from './hold.ts';
import type { OwnRun, OwnRuns } from './own-runs.ts';
import { createRpcBudget, type RpcBudget } from './rpc-budget.ts';
import { startRun, type StartSettings } from './start-run.ts';
import { startUntilKnown } from './start-until-known.ts';

const QUEUED: PendingRun = {
  kind: 'pending',
  status: RequestStatus.queued,
  attempts: 0,
  lastErrorCode: null,
  nextAttemptAt: null,
};

/** Accepts a request once, or joins the one that has its key: `Requests.submit`. */
export async function submitRequest(
  { client, start, availability, waiters, longPolls }: TemporalRequestsDependencies,
  runs: OwnRuns,
  request: NewRequest,
  wait: Wait,
): Promise<Acceptance> {
  const id = request.key ?? newRequestId(randomBytes);
  const createdAt = new Date().toISOString();
  const waiter = waiters.join(id);
  try {
    const budget = createRpcBudget();
    await availability.ensure();
    const started = (): Promise<boolean> => startFirstRun(client, start, id, request, createdAt, budget);
    let joined: OwnRun | null = null;
    // A run that is gone between the two calls was deleted just then: its key is free.
    while (joined === null && !(await started())) joined = await findSame(runs, id, request, budget);
    availability.noteAnswer();
    const acceptance = { id, createdAt: joined?.memo.created_at ?? createdAt, replayed: joined !== null };
    let known: SettledRun | PendingRun = QUEUED;
    if (joined !== null) {
      known = toRun(await runs.load(joined, budget));
      if (known.kind !== 'pending') return { ...acceptance, run: known };
    }
    if (wait.ms <= 0 || wait.signal.aborted) return { ...acceptance, run: known };
    const settled = await hold(waiter, longPolls, id, wait);
    return { ...acceptance, run: settled ?? (await readAgain(runs, id)) ?? known };
  } finally {
    waiter.leave();
  }
}

/** Whether the run was started: false where the id is taken. @throws Refusal `acceptance_unknown` */
async function startFirstRun(
  client: Client,
  settings: StartSettings,
  id: string,
  { operation, model, fingerprint, options, body, key }: NewRequest,
  createdAt: string,
  budget: RpcBudget,
): Promise<boolean> {
  const memo = { operation, model, fingerprint, options, created_at: createdAt, run: 1 };
  const run = { workflowId: id, startId: randomUUID(), memo, body };
  const known = await startUntilKnown(
    (untilMs) => client.connection.withDeadline(untilMs, () => startRun(client, settings, run)),
    budget,
  );
  if (typeof known === 'string') return known === 'started' || key === null;
  throw new Refusal('acceptance_unknown', {
    requestId: id,
    retryAfterSeconds: 2,
    // Without a key the SDK's own retry would be another request.
    shouldRetry: key !== null,
    cause: known.unknown,
  });
}

/** The run that has the key, if it is the same request's; null where none has it any more. */
async function findSame(
  runs: OwnRuns,
  id: string,
  request: NewRequest,
  budget: RpcBudget,
): Promise<OwnRun | null> {
  const found = await runs.find(id, budget);
  if (found === 'foreign') throw new Refusal('idempotency_key_unavailable');
  if (found === 'being deleted') throw new Refusal('request_being_deleted', { retryAfterSeconds: 5 });
  if (found === 'nothing') return null;
  const { fingerprint, operation } = found.memo;
  if (fingerprint !== request.fingerprint || operation !== request.operation) {
    throw new Refusal('idempotency_key_reused');
  }
  return found;
}

/** After a wait; what is known already must do where Temporal does not answer. */
async function readAgain(runs: OwnRuns, id: string): Promise<SettledRun | PendingRun | null> {
  const budget = createRpcBudget();
  const run = await runs.findOwn(id, budget).catch(() => null);
  return run === null ? null : runs.load(run, budget).then(toRun, () => null);
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
