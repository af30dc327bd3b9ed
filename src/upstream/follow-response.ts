import { setTimeout as sleep } from 'node:timers/promises';
import { FOLLOW_PAUSE } from '../domain/retry-policy.ts';
import { type Answer, classifyAnswer, classifyUnreadable, isSuccess } from './classify.ts';
import type { Verdict } from './classify-answer.ts';

/** A Response that the upstream accepted and still works on. */
export interface RunningResponse {
  /** The answer to the POST. */
  readonly posted: Answer;
  /** Reads the Response once. */
  readonly read: () => Promise<Answer>;
  readonly signal: AbortSignal;
}

/** The last answer about a Response, and its meaning. */
export interface EndedResponse {
  readonly answer: Answer;
  readonly verdict: Exclude<Verdict, { readonly kind: 'under way' }>;
}

/** Refusals of a GET that may pass. All others mean that the Response cannot be read any more. */
const PASSING: ReadonlySet<number> = new Set([408, 409, 421, 425, 429]);

/**
 * Reads a Response until it has ended: a 200 whose body is `queued` or `in_progress` is no answer. A read that
 * fails is repeated, because the work goes on upstream and another POST would do it twice. The signal is the
 * only limit.
 *
 * @throws the reason of the signal
 */
export async function followResponse({ posted, read, signal }: RunningResponse): Promise<EndedResponse> {
  let pauseMs: number = FOLLOW_PAUSE.firstMs;
  for (let last = posted; ;) {
    await sleep(Math.max(pauseMs, toldPauseMs(last.headers)), undefined, { signal });
    pauseMs = Math.min(FOLLOW_PAUSE.maxMs, pauseMs * FOLLOW_PAUSE.factor);
    const answer = await read().catch(() => null);
    signal.throwIfAborted();
    if (answer === null || PASSING.has(answer.status) || answer.status >= 500) continue;
    last = answer;
    const nowMs = Date.now();
    if (!isSuccess(answer.status)) {
      return {
        answer,
        verdict: { kind: 'failed', failure: classifyUnreadable(answer.status, posted, nowMs) },
      };
    }
    const verdict = classifyAnswer('responses', answer, nowMs);
    if (verdict.kind !== 'under way') return { answer, verdict };
  }
}

/** The pause that the upstream asks for, as OpenAI does for its own clients. 0 = none. */
function toldPauseMs(headers: Headers): number {
  const told = Number(headers.get('openai-poll-after-ms') ?? 0);
  return told > 0 ? Math.min(told, FOLLOW_PAUSE.maxToldMs) : 0;
}
