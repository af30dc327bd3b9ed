import { createPrng, type Prng } from './prng.ts';

/** What one client does: a POST, and some reads of what it was answered. */
export interface ClientPlan {
  /** Since the client before it. */
  readonly gapMs: number;
  /** Null = it names no key. */
  readonly key: string | null;
  /** `a` is the key's own body, `b` another. */
  readonly sent: 'a' | 'b';
  /** Null = it posts a chat completion. */
  readonly response: { readonly background: boolean } | null;
  readonly model: string;
  readonly waitSeconds: number;
  readonly options: object;
  /** Null = it stays for its answer. */
  readonly leaveAfterMs: number | null;
  /** Whether it sends the same POST again when it got no answer or a 503. */
  readonly insists: boolean;
  /** Pauses before its reads; the last one waits on the server. */
  readonly readAfterMs: readonly number[];
  /** Chooses between the API's processes. */
  readonly at: number;
}

const DUPLICATE_SHARE = 0.1;
const KEYLESS_SHARE = 0.08;
const RESPONSE_SHARE = 0.4;
const BACKGROUND_SHARE = 0.6;
/** A duplicate is of one of the last so many. */
const DUPLICATES_REACH = 12;

const fast = ['ok-20', 'ok-20', 'ok-300', 'ok-300', 'ok-1200'] as const;
/** Most calls just succeed, some slowly enough to be caught in the middle. */
const SCRIPTS = [
  ...fast,
  ...fast,
  ...fast,
  'ok-2500',
  '429+ok-50',
  '429+429+ok-20',
  '500+ok-50',
  '503+ok-20',
  'reset+ok-20',
  'cut+ok-20',
  '400-30',
  'stall+ok-20',
] as const;

const RESPONSE_SCRIPTS = [...SCRIPTS, 'later-900', 'later-1500', 'later-1500'] as const;

/** An endless, seeded sequence of clients at a steady rate. */
export function* planLoad(seed: number, perSecond: number): Generator<ClientPlan> {
  const prng = createPrng(seed);
  const firsts: ClientPlan[] = [];
  for (let n = 1; ; n += 1) {
    const gapMs = prng.between(0, 2_000 / perSecond);
    const original = firsts.at(-prng.between(1, DUPLICATES_REACH));
    if (original !== undefined && prng.chance(DUPLICATE_SHARE)) {
      // The first call's `background` stays in force.
      const response = original.response === null ? null : { background: prng.chance(BACKGROUND_SHARE) };
      yield { ...original, ...manners(prng), response, gapMs, sent: prng.chance(0.25) ? 'b' : 'a' };
      continue;
    }
    const key = prng.chance(KEYLESS_SHARE) ? null : `f${seed}-${n}`;
    const response = prng.chance(RESPONSE_SHARE) ? { background: prng.chance(BACKGROUND_SHARE) } : null;
    const model = prng.pick(response === null ? SCRIPTS : RESPONSE_SCRIPTS);
    const options = {
      deadline_seconds: 900,
      attempt_timeout_seconds: model.startsWith('stall') ? 1 : 30,
      on_unknown_outcome: prng.chance(0.1) ? 'fail' : 'retry',
    };
    const plan: ClientPlan = { gapMs, key, sent: 'a', response, model, options, ...manners(prng) };
    if (key !== null) firsts.push(plan);
    yield plan;
  }
}

function manners(
  prng: Prng,
): Pick<ClientPlan, 'waitSeconds' | 'leaveAfterMs' | 'insists' | 'readAfterMs' | 'at'> {
  return {
    waitSeconds: prng.pick([0, 0, 1, 3]),
    leaveAfterMs: prng.chance(0.1) ? prng.between(20, 400) : null,
    insists: prng.chance(0.8),
    readAfterMs: Array.from({ length: prng.between(1, 4) }, () => prng.between(5, 900)),
    at: prng.between(0, 999),
  };
}
