import { setTimeout as sleep } from 'node:timers/promises';
import { type CallCounts, type SeriesPoint, seriesOf } from '../../test/support/limited-upstream/call-log.ts';
import type { BenchRun } from '../rows/bench-run.ts';
import { secondsToSlowDown, secondsToSpeedUp, type Stretch } from './adaptation.ts';
import type { LimitedCase } from './cases.ts';
import type { Found } from './crowd-measure.ts';
import { type Flow, idealSeconds } from './ideal.ts';

/** What a crowd's callers got by the end, or by the end of the time. */
export interface CrowdResult {
  completed: number;
  errors: number;
  firstError: string | null;
  /** Time of the last completion, Unix ms. */
  lastAtMs: number;
}

/** Everything that a case finds, without a contender's own figures. */
export interface Judged {
  readonly found: Found;
  readonly counts: CallCounts;
}

/**
 * Sets the limits, lets a crowd go, and judges by what the upstream received.
 *
 * @param go starts the crowd, and counts in `result` while it runs
 * @returns after the last caller, or at the end of the time that the options give to a case
 */
export async function letGo(
  { limited, options }: BenchRun,
  plan: LimitedCase,
  model: string,
  go: (result: CrowdResult) => Promise<void>,
): Promise<Judged> {
  const result: CrowdResult = { completed: 0, errors: 0, firstError: null, lastAtMs: 0 };
  await limited.limit(model, plan.limits);
  const startedMs = Date.now();
  const timers = (plan.changes ?? []).map(({ atMs, limits }) =>
    setTimeout(() => void limited.limit(model, limits), atMs),
  );
  const gone = go(result).catch((error: unknown) => countError(result, error));
  await Promise.race([gone, sleep(options.capSeconds * 1_000, undefined, { ref: false })]);
  for (const timer of timers) clearTimeout(timer);
  const counts = await limited.counts(model);
  const series = seriesOf(await limited.calls(model), startedMs);
  const { completed, errors, firstError } = result;
  const isAll = completed === plan.callers;
  const seconds = (result.lastAtMs - startedMs) / 1_000;
  const ideal = idealSeconds(unitsOf(plan), flowOf(plan), plan.limits.callMs ?? 0);
  const figures = {
    completed,
    notCompleted: plan.callers - completed,
    callsPerCompletion: completed === 0 ? null : counts.received / completed,
    refused: counts.refused,
    errors,
    seconds: isAll ? seconds : null,
    timeAgainstIdeal: isAll ? seconds / ideal : null,
    ...adaptationOf(plan, series),
  };
  return {
    found: { figures, firstError, series: series.map(({ received, refused }) => [received, refused]) },
    counts,
  };
}

/** Counts a caller's end. */
export function count(result: CrowdResult, call: Promise<unknown>): Promise<void> {
  return call.then(
    () => {
      result.completed += 1;
      result.lastAtMs = Date.now();
    },
    (error: unknown) => countError(result, error),
  );
}

function countError(result: CrowdResult, error: unknown): void {
  result.errors += 1;
  result.firstError ??= String(error).slice(0, 200);
}

/** The units of the limit that is reached: tokens if they are limited, else requests. */
function unitsOf({ callers, tokensOf }: LimitedCase): number {
  if (tokensOf === undefined) return callers;
  return Array.from({ length: callers }, (_, nth) => tokensOf(nth)).reduce((sum, tokens) => sum + tokens, 0);
}

function flowOf({ limits, changes = [], tokensOf }: LimitedCase): Flow {
  const bucketOf = ({ requests, tokens }: LimitedCase['limits']) =>
    (tokensOf === undefined ? requests : tokens) ?? { perMinute: Infinity };
  const { perMinute, capacity = perMinute, initial = capacity } = bucketOf(limits);
  const later = changes.map(({ atMs, limits: next }) => ({ atMs, perMinute: bucketOf(next).perMinute }));
  return { initial, rates: [{ atMs: 0, perMinute }, ...later] };
}

/** How fast the crowd followed the first change and the second one. */
function adaptationOf({ changes }: LimitedCase, series: readonly SeriesPoint[]): Found['figures'] {
  const [drop, rise] = changes ?? [];
  if (drop === undefined || rise === undefined) return {};
  const stretch = (from: number, to: number, perMinute: number | undefined): Stretch => ({
    from: from / 1_000,
    to: to / 1_000,
    perSecond: (perMinute ?? 0) / 60,
  });
  return {
    slowDownSeconds: secondsToSlowDown(
      series,
      stretch(drop.atMs, rise.atMs, drop.limits.requests?.perMinute),
    ),
    speedUpSeconds: secondsToSpeedUp(
      series,
      stretch(rise.atMs, series.length * 1_000, rise.limits.requests?.perMinute),
    ),
  };
}
