import { setTimeout as sleep } from 'node:timers/promises';
import { createPrng } from '../../test/faults/prng.ts';
import { type Call, type Load, type LoadResult, promptOf } from './load.ts';

/**
 * The load generator for every system. It runs in the benchmark's process for calls over HTTP, or inside the
 * system's own process.
 */
export async function runLoad(load: Load, call: Call): Promise<LoadResult> {
  const body = promptOf(load.model, load.promptBytes);
  const startedMs = performance.now();
  const result: LoadResult = { latenciesMs: [], errors: 0, firstError: null, perSecond: 0 };

  async function callAt(dueMs: number): Promise<void> {
    try {
      await call(body);
      result.latenciesMs.push(performance.now() - dueMs);
    } catch (error) {
      result.errors += 1;
      result.firstError ??= String(error);
    }
  }

  const calls: Promise<void>[] = [];
  if (load.kind === 'closed') {
    const endMs = startedMs + load.forMs;
    const caller = async (): Promise<void> => {
      while (performance.now() < endMs) await callAt(performance.now());
    };
    calls.push(...Array.from({ length: load.concurrency }, caller));
  } else {
    for (const dueMs of dueTimes(load)) {
      const leftMs = startedMs + dueMs - performance.now();
      if (leftMs > 0) await sleep(leftMs);
      calls.push(callAt(startedMs + dueMs));
    }
  }
  await Promise.all(calls);
  const lastedMs = performance.now() - startedMs;
  return { ...result, perSecond: (result.latenciesMs.length * 1_000) / lastedMs };
}

/** Time at which each call of an open loop or a paced load is due, ms from its beginning. */
function* dueTimes(load: Exclude<Load, { kind: 'closed' }>): Generator<number> {
  const gapMs = 1_000 / load.perSecond;
  if (load.kind === 'paced') {
    for (let nth = 0; nth < load.count; nth += 1) yield nth * gapMs;
    return;
  }
  const prng = createPrng(load.seed);
  const nextGapMs = (): number => -Math.log(1 - prng.next()) * gapMs;
  for (let dueMs = nextGapMs(); dueMs < load.forMs; dueMs += nextGapMs()) yield dueMs;
}

/** The value that a share of all values does not exceed (nearest rank). NaN if there are no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** The middle value, or the mean of the two in the middle. NaN if there are no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[sorted.length / 2 - 1] ?? NaN)) / 2;
}
