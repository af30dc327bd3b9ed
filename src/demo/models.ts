/** How the demo upstream answers the n-th call (from 1) of the same request. */
export type DemoAction =
  /** `wordMs`: the pause after each word of a stream. */
  | { readonly kind: 'complete'; readonly afterMs?: number; readonly wordMs?: number }
  /** Answers at once. A stream breaks off after so many words. */
  | { readonly kind: 'break'; readonly afterWords: number }
  | { readonly kind: 'reset' }
  | {
      readonly kind: 'refuse';
      readonly status: number;
      readonly code: string;
      readonly retryAfterSeconds?: number;
    };

export interface DemoModel {
  readonly model: string;
  /** The description in the message at start and in docs/api.md. */
  readonly what: string;
  readonly act: (call: number) => DemoAction;
}

const COMPLETE: DemoAction = { kind: 'complete' };
const refuse = (status: number, code: string): DemoAction => ({ kind: 'refuse', status, code });

/** The models with a special behaviour. Any other model name gets a normal answer. */
export const DEMO_MODELS: readonly DemoModel[] = [
  { model: 'demo', what: 'answers at once', act: () => COMPLETE },
  {
    model: 'demo-slow',
    what: 'answers after 20 s; demo-slow-5s after 5 s, and so on up to 3600',
    act: () => ({ kind: 'complete', afterMs: 20_000 }),
  },
  {
    model: 'demo-429',
    what: '429 with Retry-After: 2 twice, then answers',
    act: (call) =>
      call <= 2
        ? { kind: 'refuse', status: 429, code: 'rate_limit_exceeded', retryAfterSeconds: 2 }
        : COMPLETE,
  },
  {
    model: 'demo-503',
    what: '503 twice, then answers',
    act: (call) => (call <= 2 ? refuse(503, 'overloaded') : COMPLETE),
  },
  {
    model: 'demo-reset',
    what: 'breaks the connection once (an unknown outcome), then answers',
    act: (call) => (call <= 1 ? { kind: 'reset' } : COMPLETE),
  },
  {
    model: 'demo-stream-break',
    what: 'breaks off its stream after three words once, then answers; without `stream: true` it answers',
    act: (call) => (call <= 1 ? { kind: 'break', afterWords: 3 } : COMPLETE),
  },
  {
    model: 'demo-stream-slow',
    what: 'streams a word every 4 s; without `stream: true` it answers at once',
    act: () => ({ kind: 'complete', wordMs: 4_000 }),
  },
  {
    model: 'demo-401',
    what: '401 invalid_api_key: never retried',
    act: () => refuse(401, 'invalid_api_key'),
  },
  {
    model: 'demo-quota',
    what: '429 insufficient_quota: never retried',
    act: () => refuse(429, 'insufficient_quota'),
  },
];

const SLOW = /^demo-slow-(\d{1,4})s$/;
const MAX_SLOW_SECONDS = 3_600;

/** Returns how a model answers the n-th call of the same request. Unknown names answer at once. */
export function demoAction(model: string, call: number): DemoAction {
  const seconds = SLOW.exec(model)?.[1];
  if (seconds !== undefined)
    return { kind: 'complete', afterMs: Math.min(Number(seconds), MAX_SLOW_SECONDS) * 1000 };
  return DEMO_MODELS.find((one) => one.model === model)?.act(call) ?? COMPLETE;
}
