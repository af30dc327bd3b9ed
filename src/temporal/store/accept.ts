import { randomUUID } from 'node:crypto';
import type { RawJson } from '../../domain/raw-json.ts';
import { acceptanceUnknown, Refusal } from '../../domain/refusal.ts';
import type { RequestRef } from '../../domain/request-id.ts';
import {
  type Acceptance,
  type IntakePlace,
  NamedBy,
  type NewRequest,
  type PendingRun,
  type SettledRun,
  type StoredRequest,
} from '../../domain/requests.ts';
import type { RunMemo } from '../../domain/run-contract.ts';
import { RequestStatus } from '../../domain/vocabulary.ts';
import { afterWait, type CallBudget, isNotAnswered } from '../calls/call-budget.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { oursOrNull, type ReadRun, type RunFinder } from './find-run.ts';
import { keepBody } from './large-texts.ts';
import type { StartQueue, StartTurn } from './start-queue.ts';
import type { NewRun } from './start-run.ts';

const QUEUED: PendingRun = {
  kind: 'pending',
  status: RequestStatus.queued,
  attempts: 0,
  lastErrorCode: null,
  nextAttemptAt: null,
};

/** What {@link acceptRequest} needs. */
export interface Acceptor extends Pick<TemporalRequestsDependencies, 'intake' | 'observer' | 'texts'> {
  readonly runs: RunFinder;
  readonly starts: StartQueue;
}

/**
 * Accepts a request in its turn, or joins the request that has its key. The answer shows the run as it was then. Frees
 * the place.
 *
 * @param isAsync whether the caller waits for acceptance only
 */
export async function acceptRequest(
  { runs, starts, intake, observer, texts }: Acceptor,
  ref: RequestRef,
  request: NewRequest,
  { isAsync, signal }: { readonly isAsync: boolean; readonly signal: AbortSignal },
  place: IntakePlace,
): Promise<Acceptance> {
  const turn = { untilMs: Date.now() + intake.acceptMs, signal, isAsync };
  const { body, discard } = await keepBody(texts, ref, request.body, signal);
  place.hasBody(body.bytes.byteLength);
  const { joined, acceptedAt } = await startOrJoin(runs, starts, ref, { ...request, body }, turn).catch(
    async (error: unknown) => {
      // The run may have been started. If it was not, the sweep deletes its body.
      if (!isAcceptanceUnknown(error)) await discard();
      throw error;
    },
  );
  if (joined !== null) void discard();
  place.leave();
  if (joined === null) observer?.accepted();
  else observer?.replayed();
  return {
    id: ref.id,
    createdAt: joined?.memo.created_at ?? acceptedAt,
    replayed: joined !== null,
    response: joined === null ? request.response : (joined.memo.response ?? null),
    run: joined === null ? { ...QUEUED, nextAttemptAt: request.options.run_at } : toRun(joined.stored),
  };
}

/** A new request whose body is stored, if it is large. */
interface KeptRequest extends Omit<NewRequest, 'body'> {
  readonly body: RawJson;
}

function isAcceptanceUnknown(error: unknown): boolean {
  return error instanceof Refusal && error.code === 'acceptance_unknown';
}

interface Accepted {
  /** The run of the same request that has the key. Null = this call started the run. */
  readonly joined: ReadRun | null;
  /** ISO 8601. */
  readonly acceptedAt: string;
}

async function startOrJoin(
  runs: RunFinder,
  starts: StartQueue,
  ref: RequestRef,
  { operation, model, fingerprint, options, body, namedBy, response, stream }: KeptRequest,
  turn: StartTurn,
): Promise<Accepted> {
  const startId = randomUUID();
  const runOf = (created_at: string): NewRun => {
    const memo: RunMemo = {
      operation,
      model,
      fingerprint,
      options,
      created_at,
      run: 1,
      ...(body.blob === null ? {} : { body_blob: body.blob.blob }),
      ...(response === null ? {} : { response }),
      ...(stream ? { stream } : {}),
    };
    return { ref, startId, memo, body };
  };
  // A POST without a key must not be sent again, because it would be another request.
  const unknown = (cause: unknown): Refusal =>
    acceptanceUnknown(ref.id, { shouldRetry: namedBy === NamedBy.key, cause });
  for (;;) {
    const { outcome, sentAt, budget } = await starts.start(ref.workflowId, runOf, turn);
    if (typeof outcome === 'object') throw unknown(outcome.unknown);
    // A random id belongs to no other request. So `already started` means that an earlier try of this start
    // succeeded.
    if (outcome === 'started' || namedBy === NamedBy.chance) {
      return { joined: null, acceptedAt: sentAt };
    }
    const joined = await findSame(runs, ref, { fingerprint, operation }, budget).catch((cause: unknown) => {
      throw isNotAnswered(cause) ? unknown(cause) : cause;
    });
    // Null means that the run was deleted between the two calls. Its key is free, so the loop starts again.
    if (joined !== null) return { joined, acceptedAt: sentAt };
  }
}

/** The run that has the key, if it belongs to the same request. Null if no run has the key any more. */
async function findSame(
  runs: RunFinder,
  ref: RequestRef,
  { fingerprint, operation }: Pick<RunMemo, 'fingerprint' | 'operation'>,
  budget: CallBudget,
): Promise<ReadRun | null> {
  const found = await runs.look(ref, budget);
  if (found === 'foreign') throw new Refusal('idempotency_key_unavailable');
  if (found === 'being deleted') throw new Refusal('request_being_deleted', { retryAfterSeconds: 5 });
  if (found === 'nothing') return null;
  if (found.memo.fingerprint !== fingerprint || found.memo.operation !== operation) {
    throw new Refusal('idempotency_key_reused');
  }
  return found;
}

/** Reads the run after a wait. Resolves to null if Temporal does not answer. */
export async function readAgain(
  runs: RunFinder,
  ref: RequestRef,
  stopping: AbortSignal,
): Promise<SettledRun | PendingRun | null> {
  const found = await runs.look(ref, afterWait(stopping)).then(oursOrNull, () => null);
  return found === null ? null : toRun(found.stored);
}

/** The run as an answer shows it. */
export function toRun({ record, result, cuts }: StoredRequest): SettledRun | PendingRun {
  if (result !== null) return { kind: 'completed', result, attempt: record.attempts, cuts };
  if (record.error !== null) return { kind: 'failed', error: record.error };
  return {
    kind: 'pending',
    status: record.status,
    attempts: record.attempts,
    lastErrorCode: record.last_error_code,
    nextAttemptAt: record.next_attempt_at,
  };
}
