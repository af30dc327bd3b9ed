import type { TextStore } from '../src/blobs/text-store.ts';
import { type AttemptEnd, endAttempt, type Journal } from '../src/domain/journal.ts';
import type { RawJson } from '../src/domain/raw-json.ts';
import { identityOf, type UpstreamCall } from '../src/domain/run-contract.ts';
import type { UpstreamAnswer } from '../src/upstream/client.ts';
import { attemptFailure, type Cancellation, failedEnd, succeededEnd } from './attempt-failure.ts';
import { keepResult, NOT_STORED, storeUntilMs } from './large-texts.ts';
import type { AttemptStream } from './stream-attempt.ts';

/** What the end of an attempt needs. */
export interface EndDependencies {
  /** The large texts of requests. Null = there is no blob store. */
  readonly texts: TextStore | null;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly log: { info(fields: object, message: string): void };
  /** Null = disabled. */
  readonly observer: AttemptObserver | null;
}

/** A call that has ended. */
export interface EndedCall {
  readonly call: UpstreamCall;
  readonly workflowId: string;
  /** The journal with this attempt begun. */
  readonly journal: Journal;
  readonly startedAtMs: number;
  /** Null = the answer comes as a whole. */
  readonly stream: AttemptStream | null;
  /** Aborted when a cancellation of the request is known, or when the attempt must end with its worker. */
  readonly broken: AbortSignal;
  readonly answer: UpstreamAnswer;
  readonly endedAtMs: number;
  /** Why the attempt is aborted. Null = it is not. */
  readonly cancellation: () => Cancellation | null;
  readonly heartbeat: (journal: Journal) => void;
  readonly record: (journal: Journal) => Promise<void>;
}

/** The result of the activity, or the error by which Temporal retries, fails or cancels the run. */
export async function resultOf(
  { texts, random, log, observer }: EndDependencies,
  ended: EndedCall,
): Promise<RawJson> {
  const { call, workflowId, journal, startedAtMs, endedAtMs } = ended;
  const { project, id } = identityOf(call, workflowId);
  const durationMs = endedAtMs - startedAtMs;
  const fields = { project, request_id: id, attempt: journal.begun, duration_ms: durationMs };
  const { stream } = ended;
  if (ended.answer.kind === 'completed') {
    const { bytes, facts: answer } = ended.answer;
    const end = succeededEnd(ended.answer, startedAtMs, endedAtMs);
    const wasStreamed = stream !== null && ended.answer.stream !== null;
    const completed = { answer, ...(wasStreamed ? { stream: stream.stored() } : {}) };
    const result = await keepResult(texts, {
      workflowId,
      bytes,
      known: ended.answer.text,
      journal,
      end,
      completed,
      untilMs: Date.now() + storeUntilMs(call, startedAtMs, endedAtMs) - endedAtMs,
      broken: ended.broken,
      record: ended.record,
      onFailure: ({ message }) => log.info({ ...fields, cause: message }, 'result not stored yet'),
    });
    if (result !== null) {
      observer?.attemptEnded(end);
      log.info(fields, 'attempt succeeded');
      stream?.completed();
      return result;
    }
  }
  const answer = ended.answer.kind === 'completed' ? { ...ended.answer, failure: NOT_STORED } : ended.answer;
  const cancellation = ended.cancellation();
  const end = failedEnd(answer, cancellation, startedAtMs, endedAtMs);
  observer?.attemptEnded(end);
  const after = endAttempt(journal, end);
  // The SDK sends this heartbeat together with the failure, so the next attempt finds the journal in its
  // heartbeat details.
  ended.heartbeat(after);
  log.info({ ...fields, code: end.error_code, outcome: end.outcome }, `attempt ${end.status}`);
  const failure = attemptFailure({
    failure: answer.failure,
    cancellation,
    journal: after,
    options: call.options,
    timeLeftMs: call.deadline_at_ms - endedAtMs,
    random,
  });
  ended.stream?.failed(failure);
  throw failure;
}

/** Notified of the upstream calls that a worker makes. */
export interface AttemptObserver {
  callBegan(): void;
  /** Called once for each call that began, with any outcome. */
  callEnded(): void;
  attemptEnded(end: Pick<AttemptEnd, 'outcome' | 'error_code' | 'duration_ms'>): void;
}
