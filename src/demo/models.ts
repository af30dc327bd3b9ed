/** What the demo upstream does with its n-th call (from 1) for the same request. */
export type DemoAction =
  | { readonly kind: 'complete'; readonly afterMs?: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'refuse'; readonly status: number; readonly code: string; readonly retryAfterSeconds?: number };

export interface DemoModel {
  readonly model: string;
  /** For the start's message and the README. */
  readonly what: string;
  readonly act: (call: number) => DemoAction;
}

const COMPLETE: DemoAction = { kind: 'complete' };

/** The models a newcomer can ask for by name to watch an upstream misbehave; any other name just answers. */
export const DEMO_MODELS: readonly DemoModel[] = [
  { model: 'demo', what: 'answers at once', act: () => COMPLETE },
  { model: 'demo-slow', what: 'answers after 20 s', act: () => ({ kind: 'complete', afterMs: 20_000 }) },
  {
    model: 'demo-429',
    what: '429 with Retry-After: 2 twice, then answers',
    act: (call) =>
      call <= 2 ? { kind: 'refuse', status: 429, code: 'rate_limit_exceeded', retryAfterSeconds: 2 } : COMPLETE,
  },
  {
    model: 'demo-503',
    what: '503 once, then answers',
    act: (call) => (call <= 1 ? { kind: 'refuse', status: 503, code: 'overloaded' } : COMPLETE),
  },
  {
    model: 'demo-reset',
    what: 'breaks the connection once (an unknown outcome), then answers',
    act: (call) => (call <= 1 ? { kind: 'reset' } : COMPLETE),
  },
  {
    model: 'demo-quota',
    what: '429 insufficient_quota: never retried',
    act: () => ({ kind: 'refuse', status: 429, code: 'insufficient_quota' }),
  },
];
