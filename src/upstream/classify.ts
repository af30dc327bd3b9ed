import { APIError } from 'openai';
import type { Operation } from '../domain/operations.ts';
import { LOST, Retry, row, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { Phase } from '../domain/vocabulary.ts';
import { classifyBody } from './classify-answer.ts';
import { causes, classifyError } from './classify-error.ts';
import { classifyRefusedTunnel, classifyStatus } from './classify-status.ts';
import { refusalWords, requestIdOf } from './error-object.ts';
import { isTooLarge, toHeaders } from './response-body.ts';
import { TunnelRefusedError } from './tunnel.ts';

/** A 2xx; `bytes` is empty where there is no body at all. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/** What was known when the call threw. `answer` null: no status line had come. */
export interface Thrown {
  readonly error: unknown;
  readonly phase: Phase;
  readonly aborted: boolean;
  readonly answer: Pick<Answer, 'status' | 'headers'> | null;
}

/** What a 2xx means; null for a completion. `x-should-retry: false` holds for these as well. */
export function classifyAnswer(
  operation: Operation,
  { status, headers, bytes }: Answer,
  nowMs: number,
): UpstreamFailure | null {
  const failure = classifyBody(operation, bytes, headers, nowMs);
  if (failure === null) return null;
  return {
    ...failure,
    ...(headers.get('x-should-retry') === 'false' ? { retry: Retry.never } : {}),
    phase: Phase.body,
    upstreamStatus: status,
    upstreamRequestId: requestIdOf(headers),
  };
}

/** What an exception means: the answer was too large, was no 2xx, or there is none. */
export function classifyThrown({ error, phase, aborted, answer }: Thrown, nowMs: number): UpstreamFailure {
  const known = {
    upstreamStatus: answer?.status ?? null,
    upstreamRequestId: answer === null ? null : requestIdOf(answer.headers),
  };
  if (error instanceof APIError && error.status !== undefined) {
    const headers = error.headers ?? new Headers();
    return classifyStatus({ status: error.status, headers, words: refusalWords(error) }, nowMs);
  }
  if (isTooLarge(error)) {
    return row({
      code: 'upstream_response_too_large',
      ...LOST,
      retry: Retry.never,
      phase: Phase.body,
      ...known,
    });
  }
  const refused = refusedTunnel(error);
  if (refused !== null) return classifyRefusedTunnel(refused.status, toHeaders(refused.headers), nowMs);
  return classifyError(error, { phase, aborted, ...known });
}

function refusedTunnel(error: unknown): TunnelRefusedError | null {
  for (const cause of causes(error)) if (cause instanceof TunnelRefusedError) return cause;
  return null;
}
