import type { Client } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import { enter } from '../../domain/limit.ts';
import { Refusal } from '../../domain/refusal.ts';
import { type RequestName, toWorkflowId } from '../../domain/request-id.ts';
import {
  type Acceptance,
  NamedBy,
  type NewRequest,
  type PendingRun,
  type SettledRun,
  type StoredRequest,
  type Wait,
} from '../../domain/requests.ts';
import { RequestStatus } from '../../domain/vocabulary.ts';
import {
  acceptanceUnknown,
  afterWait,
  createCallBudget,
  isNotAnswered,
  type CallBudget,
} from '../calls/call-budget.ts';
import { canHold, hold, startWait } from '../waiting/waiters.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { own, type RunFinder, type ReadRun } from './find-run.ts';
import type { StartQueue } from './start-queue.ts';
import { type Started, startRun, type StartSettings, startUntilKnown } from './start-run.ts';

const QUEUED: PendingRun = {
  kind: 'pending',
  status: RequestStatus.queued,
  attempts: 0,
  lastErrorCode: null,
  nextAttemptAt: null,
};

/** Accepts a request once, or joins the one that has its key: `Requests.submit`. */
export async function submitRequest(
  { client, start, waiters, longPolls, accepting, observer }: TemporalRequestsDependencies,
  runs: RunFinder,
  starts: StartQueue,
  project: string,
  request: NewRequest,
  wait: Wait,
): Promise<Acceptance> {
  const place = enter(accepting);
  const { id } = request;
  const name = { project, id };
  const workflowId = toWorkflowId(name);
  const createdAt = new Date().toISOString();
  const waiter = waiters.join(workflowId);
  const left = startWait(wait);
  try {
    const budget = createCallBudget();
    const begin = (): Promise<Started> => startFirstRun(client, start, name, request, createdAt, budget);
    const started = async (): Promise<boolean> =>
      (await starts.start(workflowId, budget, begin)) === 'started';
    let joined: ReadRun | null = null;
    // A run that is gone between the two calls was deleted just then: its key is free.
    while (joined === null && !(await started())) joined = await findSame(runs, name, request, budget);
    place.leave();
    if (joined === null) observer?.accepted();
    else observer?.replayed();
    const acceptance = { id, createdAt: joined?.memo.created_at ?? createdAt, replayed: joined !== null };
    let known: SettledRun | PendingRun = QUEUED;
    if (joined !== null) {
      known = toRun(joined.stored);
      if (known.kind !== 'pending') return { ...acceptance, run: known };
    }
    if (!canHold(left(), waiters)) return { ...acceptance, run: known };
    const settled = await hold(waiter, longPolls, workflowId, left());
    return { ...acceptance, run: settled ?? (await readAgain(runs, workflowId, wait.signal)) ?? known };
  } finally {
    waiter.leave();
    place.leave();
  }
}

/** Of a request named by chance, the start is always its own. @throws Refusal `acceptance_unknown` */
async function startFirstRun(
  client: Client,
  settings: StartSettings,
  name: RequestName,
  { operation, model, fingerprint, options, body, namedBy }: NewRequest,
  createdAt: string,
  budget: CallBudget,
): Promise<Started> {
  const memo = { operation, model, fingerprint, options, created_at: createdAt, run: 1 };
  const run = { workflowId: toWorkflowId(name), startId: randomUUID(), memo, body };
  const known = await startUntilKnown(
    (untilMs) => client.connection.withDeadline(untilMs, () => startRun(client, settings, run)),
    budget,
  );
  if (typeof known === 'string') return namedBy === NamedBy.chance ? 'started' : known;
  throw acceptanceUnknown(name.id, { shouldRetry: namedBy === NamedBy.key, cause: known.unknown });
}

/**
 * The run that has the key, if it is the same request's; null where none has it any more. A missing answer
 * leaves open whose it is.
 */
async function findSame(
  runs: RunFinder,
  name: RequestName,
  request: NewRequest,
  budget: CallBudget,
): Promise<ReadRun | null> {
  const found = await runs.look(toWorkflowId(name), budget).catch((cause: unknown) => {
    if (!isNotAnswered(cause)) throw cause;
    throw acceptanceUnknown(name.id, { shouldRetry: request.namedBy === NamedBy.key, cause });
  });
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
async function readAgain(
  runs: RunFinder,
  workflowId: string,
  stopping: AbortSignal,
): Promise<SettledRun | PendingRun | null> {
  const found = await runs.look(workflowId, afterWait(stopping)).then(own, () => null);
  return found === null ? null : toRun(found.stored);
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
