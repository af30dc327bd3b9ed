import { PROMPT_BYTES } from '../load/load.ts';
import type { System } from '../systems/system.ts';
import { type BenchRun, modelOf } from './bench-run.ts';

/** Longer than any row looks at a call that is under way. */
const HELD_MS = 900_000;
/** Slow enough for every system that makes its requests durable. */
const PER_SECOND = 50;
const WITHIN_MS = 120_000;

/** Has so many calls of a system under way at once, each held by the upstream. Resolves to their model. */
export async function holdCalls(
  { upstream }: BenchRun,
  system: System,
  count: number,
  mark: string,
): Promise<string> {
  const model = modelOf(HELD_MS, mark);
  const load = { kind: 'paced', model, promptBytes: PROMPT_BYTES, perSecond: PER_SECOND, count } as const;
  // The system is ended before any of them is.
  void system.run(load).catch(() => undefined);
  await upstream.untilCount(model, ({ open }) => open >= count, WITHIN_MS);
  return model;
}

/** Calls of the ordinary kind, so that what only the first ones cost is paid. */
export async function warmUp({ options }: BenchRun, system: System): Promise<void> {
  const base = { model: modelOf(options.delayMs), promptBytes: PROMPT_BYTES };
  await system.run({ kind: 'closed', ...base, concurrency: 16, forMs: 3_000 });
}

/** Does something for each of 0 to `count` - 1, so many at a time. */
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
