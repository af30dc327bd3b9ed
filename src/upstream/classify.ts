import type { Operation } from '../domain/operations.ts';
import type { ModelsAnswer } from '../domain/upstream-models.ts';
import { LOST, Retry, row, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { Phase } from '../domain/vocabulary.ts';
import { classifyBody, CLOSED_IN_QUEUE, isWhiteSpace, readObject, type Verdict } from './classify-answer.ts';
import { causes, classifyError } from './classify-error.ts';
import { classifyRefusedTunnel, classifyStatus } from './classify-status.ts';
import { readErrorBody } from './error-body.ts';
import { requestIdOf } from './error-object.ts';
import { isTooLarge, toHeaders } from './response-body.ts';
import { parseRetryAfterMs } from './retry-after.ts';
import { TunnelRefusedError } from './tunnel.ts';

/** An upstream answer whose body was read to its end. `bytes` is empty if there is no body. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/** The state of the call when it threw. `answer` is null if no status line had arrived. */
export interface Thrown {
  readonly error: unknown;
  readonly phase: Phase;
  readonly aborted: boolean;
  /** Holds the part of the body that had arrived. */
  readonly answer: Answer | null;
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}

/** Classifies an answer. `x-should-retry: false` also applies to a 2xx. */
export function classifyAnswer(operation: Operation, answer: Answer, nowMs: number): Verdict {
  const { status, headers, bytes } = answer;
  if (!isSuccess(status)) {
    const failure = classifyStatus({ status, headers, body: readErrorBody(bytes) }, nowMs);
    return { kind: 'failed', failure };
  }
  const verdict = classifyBody(operation, bytes, headers, nowMs);
  return verdict.kind === 'failed'
    ? { ...verdict, failure: inBody(verdict.failure, answer, nowMs) }
    : verdict;
}

/** Classifies an exception: the answer was too large, broke off, is not readable, or never came. */
export function classifyThrown({ error, phase, aborted, answer }: Thrown, nowMs: number): UpstreamFailure {
  if (answer !== null && !isSuccess(answer.status)) {
    // The status decides, even if the body could not be read.
    return classifyStatus({ ...answer, body: readErrorBody(null) }, nowMs);
  }
  if (isTooLarge(error)) {
    const tooLarge = row({
      code: 'upstream_response_too_large',
      ...LOST,
      retry: Retry.never,
      phase: Phase.body,
    });
    return answer === null ? tooLarge : inBody(tooLarge, answer, nowMs);
  }
  const refused = refusedTunnel(error);
  if (refused !== null) return classifyRefusedTunnel(refused.status, toHeaders(refused.headers), nowMs);
  if (answer !== null && !aborted && answer.bytes.length > 0 && isWhiteSpace(answer.bytes)) {
    return inBody(CLOSED_IN_QUEUE, answer, nowMs);
  }
  const failure = classifyError(error, { phase, aborted });
  return answer === null ? failure : inBody(failure, answer, nowMs);
}

/** Classifies an answer about models: a JSON object is one, whatever it holds. */
export function classifyModels(answer: Answer, nowMs: number): ModelsAnswer {
  const { status, headers, bytes } = answer;
  if (!isSuccess(status)) {
    return {
      kind: 'failed',
      failure: classifyStatus({ status, headers, body: readErrorBody(bytes) }, nowMs),
    };
  }
  const read = readObject(bytes, headers, nowMs);
  return 'failure' in read
    ? { kind: 'failed', failure: inBody(read.failure, answer, nowMs) }
    : { kind: 'answered', bytes, json: read.answer };
}

/** Classifies a Response that is under way and cannot be read any more, because a GET of it was refused. */
export function classifyUnreadable(status: number, posted: Answer, nowMs: number): UpstreamFailure {
  const failure = row({
    code: 'upstream_response_lost',
    ...LOST,
    retry: Retry.twice,
    detail: `its result could not be read, because a GET of it was answered with ${status}`,
  });
  return inBody(failure, posted, nowMs);
}

/** Adds the data of the 2xx answer to the failure. A 2xx may carry a retry delay too, as a 202 does. */
function inBody(failure: UpstreamFailure, { status, headers }: Answer, nowMs: number): UpstreamFailure {
  const toldNotToRetry = headers.get('x-should-retry') === 'false';
  return {
    ...failure,
    ...(toldNotToRetry ? { retry: Retry.never, toldNotToRetry } : {}),
    phase: failure.phase === Phase.stream ? Phase.stream : Phase.body,
    retryAfterMs: failure.retryAfterMs ?? parseRetryAfterMs(headers, nowMs),
    upstreamStatus: status,
    upstreamRequestId: requestIdOf(headers),
  };
}

function refusedTunnel(error: unknown): TunnelRefusedError | null {
  for (const cause of causes(error)) if (cause instanceof TunnelRefusedError) return cause;
  return null;
}
