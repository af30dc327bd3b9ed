import { failedEnd } from '../../activities/attempt-failure.ts';
import { beginAttempt, EMPTY_JOURNAL, endAttempt, type Journal } from '../../src/domain/journal.ts';
import { RequestOptions } from '../../src/domain/options.ts';
import type { RequestError } from '../../src/domain/record.ts';
import { decideRetry } from '../../src/domain/retry-policy.ts';
import { requestErrorOf } from '../../src/domain/run-end.ts';
import type { UpstreamFailure } from '../../src/domain/upstream-failure.ts';
import { createUpstream } from '../../src/upstream/client.ts';
import { type RawUpstream, startRawUpstream } from './raw-upstream.ts';

/** What became of one request, and of each of its calls. */
export interface DrivenRequest {
  /** Requests on the wire. */
  readonly hits: number;
  readonly failures: readonly UpstreamFailure[];
  /** Before each call but the first. */
  readonly delaysMs: readonly number[];
  /** The answer's bytes, one character each; null where it failed or was given up on. */
  readonly completed: string | null;
  /** Null where it completed, or was still to be tried again after `maxCalls`. */
  readonly error: RequestError | null;
}

interface Driven {
  readonly options?: object;
  readonly maxCalls?: number;
  readonly deadlineMs?: number;
  readonly attemptMs?: number;
}

type Act = Parameters<typeof startRawUpstream>[number];

/** Writes the bytes and ends the connection. */
export function bytes(answer: string | Buffer): Act {
  return (socket) => void socket.end(typeof answer === 'string' ? Buffer.from(answer, 'latin1') : answer);
}

/** An answer with its length, of any status. */
export function answer(status: number, body: string, ...headers: string[]): string {
  const json = headers.some((header) => /^content-type:/i.test(header))
    ? []
    : ['content-type: application/json'];
  const length = `content-length: ${Buffer.byteLength(body, 'latin1')}`;
  return [`HTTP/1.1 ${status} x`, ...json, ...headers, length, '', body].join('\r\n');
}

/**
 * One request by the real client on real sockets, repeated as the activity repeats it, with the clock of its waits
 * turned forward. The acts answer the calls in turn; the last one repeats.
 */
export async function driveRequest(acts: readonly Act[], driven: Driven = {}): Promise<DrivenRequest> {
  const raw = await startRawUpstream(...acts);
  try {
    return await drive(raw, driven);
  } finally {
    raw.close();
  }
}

async function drive(
  raw: RawUpstream,
  { options = {}, maxCalls = 5, deadlineMs = 3_600_000, attemptMs = 5_000 }: Driven,
): Promise<DrivenRequest> {
  const upstream = createUpstream({ baseURL: raw.baseURL, apiKey: null, maxResponseBytes: 1_000_000 });
  const inForce = RequestOptions.parse(options);
  const failures: UpstreamFailure[] = [];
  const delaysMs: number[] = [];
  const end = (completed: string | null, error: RequestError | null): DrivenRequest => ({
    hits: raw.requests.length,
    failures,
    delaysMs,
    completed,
    error,
  });
  let journal: Journal = EMPTY_JOURNAL;
  let leftMs = deadlineMs;
  try {
    for (let call = 1; call <= maxCalls; call += 1) {
      const result = await upstream.complete({
        body: Buffer.from('{"model":"m","messages":[]}'),
        operation: 'chat.completions',
        clientRequestId: `rr/${call}`,
        signal: AbortSignal.timeout(attemptMs),
      });
      if (result.kind === 'completed') return end(Buffer.from(result.bytes).toString('latin1'), null);
      const { failure } = result;
      failures.push(failure);
      journal = endAttempt(beginAttempt(journal, call, null), failedEnd(result, null, 0, 0));
      const decision = decideRetry(failure, journal, inForce, leftMs, () => 0);
      if (!decision.retry) {
        return end(null, requestErrorOf(failure, decision.code, decision.reason, journal.begun));
      }
      delaysMs.push(decision.delayMs);
      leftMs -= decision.delayMs;
    }
    return end(null, null);
  } finally {
    await upstream.close();
  }
}

/** A complete chat completion. */
export const OK =
  '{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":"pong"},"finish_reason":"stop"}]}';
