import { PROMPT_BYTES } from '../load/load.ts';
import type { System } from '../systems/system.ts';
import { type BenchRun, modelOf } from './bench-run.ts';

/** Longer than any row observes a call in flight. */
const HELD_MS = 900_000;
/** Start rate that every durable system can keep up with. */
const PER_SECOND = 50;
const WITHIN_MS = 120_000;

/**
 * Starts `count` calls of a system that the upstream holds open. Resolves to their model when all are in
 * flight.
 */
export async function holdCalls(
  { upstream }: BenchRun,
  system: System,
  count: number,
  mark: string,
): Promise<string> {
  const model = modelOf(HELD_MS, mark);
  const load = { kind: 'paced', model, promptBytes: PROMPT_BYTES, perSecond: PER_SECOND, count } as const;
  // The system is ended before any of these calls ends.
  void system.run(load).catch(() => undefined);
  await upstream.untilCount(model, ({ open }) => open >= count, WITHIN_MS);
  return model;
}

/** Makes ordinary calls, so that the one-time costs of the first calls are paid. */
export async function warmUp({ options }: BenchRun, system: System): Promise<void> {
  const base = { model: modelOf(options.delayMs), promptBytes: PROMPT_BYTES };
  await system.run({ kind: 'closed', ...base, concurrency: 16, forMs: 3_000 });
}

/** Runs `act` for each number from 0 to `count` - 1, at most `most` at a time. */
export async function atATime(
  count: number,
  most: number,
  act: (nth: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: most }, work));
}
