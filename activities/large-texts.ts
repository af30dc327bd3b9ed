import { setTimeout as sleep } from 'node:timers/promises';
import { BlobUnreadableError } from '../src/blobs/blob-format.ts';
import { BlobStoreError } from '../src/blobs/blob-store.ts';
import type { TextStore } from '../src/blobs/text-store.ts';
import {
  type AttemptEnd,
  type CompletedCall,
  endAttempt,
  type Journal,
  loseResult,
  type StoringResult,
} from '../src/domain/journal.ts';
import type { LaneWait } from '../src/domain/lane.ts';
import { isStrictJson } from '../src/domain/lenient-json.ts';
import { INLINE_BYTES, RawJson, referTo } from '../src/domain/raw-json.ts';
import { BODY_PAUSE_MS, STORE_PAUSE } from '../src/domain/retry-policy.ts';
import type { UpstreamCall } from '../src/domain/run-contract.ts';
import { requestError } from '../src/domain/run-end.ts';
import { LOST, Retry, row } from '../src/domain/upstream-failure.ts';
import { AttemptStatus, Billed, FailureReason, Outcome, Phase } from '../src/domain/vocabulary.ts';
import type { AnswerText } from '../src/upstream/answer-thread.ts';
import type { CallBody } from '../src/upstream/call-body.ts';
import { finalFailure } from './attempt-failure.ts';
import { SentBack } from './take-turn.ts';

/** The claim check of workers: large bodies are read from the blob store, large answers are stored there. */

/** A body up to this size is sent from memory. A larger one is sent as it is read from the store. */
const IN_MEMORY_BYTES = 1024 * 1024;

/** Where an attempt stands, for the errors with which it ends. */
interface Waiting {
  readonly workflowId: string;
  /** The journal in which every earlier attempt has ended. */
  readonly journal: Journal;
  /** Temporal's number. */
  readonly attempt: number;
}

/**
 * Opens and checks the body of a call before the call begins.
 *
 * @param texts null = there is no blob store
 * @param options `inMemory`: whether the call needs the whole body, because it edits it
 * @throws ApplicationFailure `text_unreadable`, which ends the request; SentBack if the store does not answer
 */
export async function openBody(
  texts: TextStore | null,
  body: RawJson,
  { workflowId, journal, attempt }: Waiting,
  { signal, inMemory }: { readonly signal: AbortSignal; readonly inMemory: boolean },
): Promise<CallBody> {
  if (body.blob === null) return body.bytes;
  if (texts === null) throw new SentBack(journal, attempt, NO_STORE);
  try {
    const { bytes, stream } = await texts.open(workflowId, body.blob, signal);
    if (bytes > IN_MEMORY_BYTES && !inMemory) return { byteLength: bytes, stream };
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream()) chunks.push(chunk);
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof BlobStoreError) throw new SentBack(journal, attempt, STORE_SILENT);
    if (!(error instanceof BlobUnreadableError)) throw error;
    const end = { error: requestError('text_unreadable', FailureReason.terminal), journal };
    throw finalFailure(end, error.message);
  }
}

/** Waits of an attempt that has made no call. */
const waitFor = (reason: string, wait_ms = BODY_PAUSE_MS): LaneWait => ({
  lane: null,
  reason,
  wait_ms,
  pace: null,
});
const STORE_SILENT = waitFor('the blob store does not answer');
const NO_STORE = waitFor('this worker has no blob store (REQRUN_BLOB_STORE)');
const RESULT_LOST = waitFor('the answer of the last call was not stored', 0);
/** The wait of an attempt that reads its large body. */
export const READS_BODY = waitFor('its body is read from the blob store', 0);

/** How long storing a result is tried: as long as the attempt may last, and never past the deadline. */
export function storeUntilMs(call: UpstreamCall, startedAtMs: number, endedAtMs: number): number {
  const ofAttempt = startedAtMs + call.options.attempt_timeout_seconds * 1000;
  return Math.min(call.deadline_at_ms, Math.max(ofAttempt, endedAtMs + STORE_PAUSE.atLeastMs));
}

/** An answer that the upstream has given. */
interface Answered {
  readonly workflowId: string;
  readonly bytes: Uint8Array;
  /** What is known of the bytes. Null = nothing yet. */
  readonly known: AnswerText | null;
  /** The journal with the attempt still running. */
  readonly journal: Journal;
  readonly end: AttemptEnd;
  /** What the journal has of the answer beside its end. */
  readonly completed: CompletedCall;
  /** Unix ms by this process's clock. Storing is tried until then. */
  readonly untilMs: number;
  /** Aborted when the request is cancelled or the worker stops. Then a try that fails is the last one. */
  readonly broken: AbortSignal;
  /** Writes the journal to Temporal. Resolves when Temporal has it on disk. */
  readonly record: (journal: Journal) => Promise<void>;
  /** Called for each try of storing that failed. */
  readonly onFailure: (error: BlobStoreError) => void;
}

/**
 * The result of a completed call. A large answer is stored first; storing is tried again without calling again. Where
 * it will be is recorded before that, so that a worker that takes over finds it.
 *
 * @returns null if the store did not take the answer in time
 */
export async function keepResult(texts: TextStore | null, answered: Answered): Promise<RawJson | null> {
  const { workflowId, bytes, journal, end, completed } = answered;
  if (texts === null || bytes.byteLength <= INLINE_BYTES) {
    return new RawJson(bytes, { ...endAttempt(journal, end), ...completed });
  }
  const known = answered.known ?? { lenient: !isStrictJson(bytes) };
  const ref = await texts.refer(workflowId, 'result', bytes, known);
  const storing: StoringResult = { ref, end, completed };
  // If Temporal does not confirm it, only a crash in the next moments costs more: the call would be made again.
  await answered.record({ ...journal, storing }).catch(() => undefined);
  if (!(await store(texts, answered, storing))) return null;
  return referTo(ref, { ...endAttempt(journal, end), ...completed }, bytes);
}

async function store(
  texts: TextStore,
  { workflowId, bytes, untilMs, broken, onFailure }: Answered,
  { ref }: StoringResult,
): Promise<boolean> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), Math.max(0, untilMs - Date.now()));
  try {
    for (let pauseMs: number = STORE_PAUSE.firstMs; ; pauseMs *= STORE_PAUSE.factor) {
      const error = await texts.put(workflowId, ref, bytes, over.signal).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      if (error === null) return true;
      if (!(error instanceof BlobStoreError)) throw error;
      onFailure(error);
      const nextMs = Math.min(pauseMs, STORE_PAUSE.maxMs);
      if (broken.aborted || over.signal.aborted || Date.now() + nextMs >= untilMs) return false;
      await sleep(nextMs, undefined, { signal: AbortSignal.any([broken, over.signal]) }).catch(
        () => undefined,
      );
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The failure of a call whose answer was not stored. The call ran, and it is not made again by itself. */
export const NOT_STORED = row({
  code: 'result_not_stored',
  ...LOST,
  billed: Billed.yes,
  retry: Retry.never,
  phase: Phase.body,
});

/** What an attempt finds of an answer that an earlier one was storing when its worker died. */
export type Recovered =
  /** No attempt was storing an answer. */
  | { readonly kind: 'none'; readonly journal: Journal }
  | { readonly kind: 'stored'; readonly result: RawJson }
  /** The journal in which that attempt has ended with its answer lost. */
  | { readonly kind: 'lost'; readonly journal: Journal };

/**
 * Looks for the answer that an earlier attempt was storing.
 *
 * @throws SentBack if the store does not answer
 */
export async function recoverResult(
  texts: TextStore | null,
  { workflowId, journal, attempt }: Waiting,
  signal: AbortSignal,
): Promise<Recovered> {
  if (journal.storing === undefined) return { kind: 'none', journal };
  if (texts === null) throw new SentBack(journal, attempt, NO_STORE);
  const { ref, end, completed } = journal.storing;
  try {
    await texts.open(workflowId, ref, signal);
    return { kind: 'stored', result: referTo(ref, { ...endAttempt(journal, end), ...completed }) };
  } catch (error) {
    if (error instanceof BlobStoreError) throw new SentBack(journal, attempt, STORE_SILENT);
    if (!(error instanceof BlobUnreadableError)) throw error;
    return { kind: 'lost', journal: loseResult(journal, attempt, lostEnd(end), RESULT_LOST) };
  }
}

function lostEnd(end: AttemptEnd): AttemptEnd {
  return {
    ...end,
    status: AttemptStatus.interrupted,
    outcome: Outcome.lost,
    error_code: 'attempt_interrupted',
  };
}
