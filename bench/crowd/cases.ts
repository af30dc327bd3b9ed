import type { ModelLimits } from '../../test/support/limited-upstream/limited-model.ts';
import type { Contender, Figure } from './crowd-measure.ts';

/** A bound for the medians of the service. */
export interface CaseTarget {
  readonly figure: Figure;
  readonly sense: 'at most' | 'at least';
  readonly bound: number;
  /** The bound is for the ratio to this contender's median. */
  readonly over?: Contender;
}

/** A crowd at a limited upstream, all at once. */
export interface LimitedCase {
  readonly kind: 'limited';
  readonly callers: number;
  readonly workers: 1 | 2;
  readonly limits: ModelLimits;
  /** Limits that follow, by ms since the first POST. */
  readonly changes?: readonly { readonly atMs: number; readonly limits: ModelLimits }[];
  /** Tokens of the nth call. Default: the call is small. */
  readonly tokensOf?: (nth: number) => number;
  /** kill -9 of everything when half is completed, and a restart. */
  readonly killed?: boolean;
}

/** How a case is measured. */
export type CasePlan =
  | LimitedCase
  | { readonly kind: 'projects'; readonly crowd: number; readonly singles: number }
  | { readonly kind: 'door'; readonly callers: number }
  | { readonly kind: 'posts' }
  | { readonly kind: 'unlimited' };

export interface Case {
  readonly what: string;
  readonly plan: CasePlan;
  readonly contenders: readonly Contender[];
  readonly targets: readonly CaseTarget[];
}

const CALL_MS = 300;
/** Refused calls take the places of later ones, at most of one second. Then a storm that goes on never ends. */
const DEBT = 10;
/** Ten calls a second. A bucket of a minute that starts with 10 units, so that the headers show the rate. */
const TEN_A_SECOND: ModelLimits = { requests: { perMinute: 600, initial: 10, debt: DEBT }, callMs: CALL_MS };
/** The same limit with room for 10 calls only. */
const TEN_AT_ONCE = { perMinute: 600, capacity: 10, debt: DEBT };
const A_THIRD: ModelLimits = { requests: { perMinute: 200, debt: DEBT }, callMs: CALL_MS };
const TEN_AGAIN: ModelLimits = { requests: { perMinute: 600, debt: DEBT }, callMs: CALL_MS };

const OURS = ['before', 'service'] as const;
const ALL = ['sdk', 'p-limit', ...OURS] as const;

function crowd(plan: Partial<LimitedCase> = {}): LimitedCase {
  return { kind: 'limited', callers: 400, workers: 1, limits: TEN_A_SECOND, ...plan };
}

function bounds(timeAgainstIdeal: number, callsPerCompletion: number): CaseTarget[] {
  return [
    { figure: 'notCompleted', sense: 'at most', bound: 0 },
    { figure: 'timeAgainstIdeal', sense: 'at most', bound: timeAgainstIdeal },
    { figure: 'callsPerCompletion', sense: 'at most', bound: callsPerCompletion },
  ];
}

const NO_ERRORS: CaseTarget = { figure: 'errors', sense: 'at most', bound: 0 };

/** The cases of the row `crowd`. Refused calls count against the limit in all of them. */
export const CASES = {
  headers: {
    what: '400 at once, headers, one worker',
    plan: crowd(),
    contenders: ALL,
    targets: bounds(1.25, 1.05),
  },
  'small-bucket': {
    what: '400 at once, headers of a limit of 600 with a bucket of 10',
    plan: crowd({ limits: { requests: TEN_AT_ONCE, callMs: CALL_MS } }),
    contenders: ALL,
    targets: bounds(1.25, 1.05),
  },
  'silent-bucket': {
    what: '400 at once, headers that never show the bucket of 10',
    plan: crowd({ limits: { requests: TEN_AT_ONCE, callMs: CALL_MS, headers: 'minute' } }),
    contenders: OURS,
    targets: bounds(1.25, 1.05),
  },
  'two-workers': {
    what: '400 at once, headers, two workers',
    plan: crowd({ workers: 2 }),
    contenders: OURS,
    targets: bounds(1.35, 1.15),
  },
  'no-headers': {
    what: '400 at once, no headers, one worker',
    plan: crowd({ limits: { requests: TEN_AT_ONCE, callMs: CALL_MS, headers: 'none' } }),
    contenders: ALL,
    targets: bounds(1.4, 1.2),
  },
  'no-headers-two-workers': {
    what: '400 at once, no headers, two workers',
    plan: crowd({ limits: { requests: TEN_AT_ONCE, callMs: CALL_MS, headers: 'none' }, workers: 2 }),
    contenders: OURS,
    targets: bounds(1.4, 1.2),
  },
  tokens: {
    what: '200 at once of 200 and 8,000 tokens mixed, 10,000 tokens a second',
    plan: crowd({
      callers: 200,
      limits: {
        requests: { perMinute: 6_000, initial: 200 },
        tokens: { perMinute: 600_000, initial: 20_000 },
        callMs: CALL_MS,
      },
      tokensOf: (nth) => (nth % 4 === 3 ? 8_000 : 200),
    }),
    contenders: OURS,
    targets: bounds(1.3, 1.1),
  },
  'limit-changes': {
    what: '1,000 at once, the limit drops to a third after 20 s and rises again after 80 s',
    plan: crowd({
      callers: 1_000,
      changes: [
        { atMs: 20_000, limits: A_THIRD },
        { atMs: 80_000, limits: TEN_AGAIN },
      ],
    }),
    contenders: OURS,
    targets: [
      { figure: 'notCompleted', sense: 'at most', bound: 0 },
      { figure: 'slowDownSeconds', sense: 'at most', bound: 45 },
      { figure: 'speedUpSeconds', sense: 'at most', bound: 45 },
      { figure: 'callsPerCompletion', sense: 'at most', bound: 1.15 },
    ],
  },
  killed: {
    what: '400 at once, headers, kill -9 of everything midway and a restart',
    plan: crowd({ killed: true }),
    contenders: OURS,
    targets: [...bounds(1.25, 1.05), { figure: 'unknownOfWaiting', sense: 'at most', bound: 0 }],
  },
  projects: {
    what: 'two projects in one lane: 1,000 requests of one, one at a time of the other',
    plan: { kind: 'projects', crowd: 1_000, singles: 5 },
    contenders: OURS,
    targets: [{ figure: 'turns', sense: 'at most', bound: 5 }],
  },
  'callers-1000': {
    what: '1,000 callers at once, official SDK, wait, upstream of 50 ms without limits',
    plan: { kind: 'door', callers: 1_000 },
    contenders: [...OURS, 'floor'],
    targets: [NO_ERRORS, { figure: 'acceptedSeconds', sense: 'at most', bound: 1.1, over: 'floor' }],
  },
  'callers-5000': {
    what: '5,000 callers at once, official SDK, wait, upstream of 50 ms without limits',
    plan: { kind: 'door', callers: 5_000 },
    contenders: OURS,
    targets: [NO_ERRORS],
  },
  posts: {
    what: 'async POSTs as fast as they are taken (--posts), upstream of 50 ms without limits',
    plan: { kind: 'posts' },
    contenders: OURS,
    targets: [
      NO_ERRORS,
      { figure: 'acceptedAgainstCompleted', sense: 'at least', bound: 1.5 },
      { figure: 'memoryGrowth', sense: 'at most', bound: 1.25 },
    ],
  },
  unlimited: {
    what: 'nothing is limited: added p50 and requests a second, interleaved (needs --before)',
    plan: { kind: 'unlimited' },
    contenders: OURS,
    targets: [
      { figure: 'addedP50Ms', sense: 'at most', bound: 1.05, over: 'before' },
      { figure: 'perSecond', sense: 'at least', bound: 0.95, over: 'before' },
    ],
  },
} as const satisfies Record<string, Case>;

export type CaseName = keyof typeof CASES;

export const isCase = (name: string): name is CaseName => Object.hasOwn(CASES, name);

export const ALL_CASES: readonly CaseName[] = Object.keys(CASES).filter(isCase);

export const caseOf = (name: CaseName): Case => CASES[name];
