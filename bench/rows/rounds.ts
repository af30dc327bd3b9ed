import { PROMPT_BYTES } from '../load/load.ts';
import { startSystem } from '../systems/start-system.ts';
import type { System } from '../systems/system.ts';
import { type BenchRun, modelOf, newPlace } from './bench-run.ts';
import { type LoadMeasure, measureLoad } from './measure-load.ts';

/** Concurrent callers of the warm-up, which compiles code, opens connections and fills caches. */
const WARM_UP_CONCURRENCY = 16;

/** The part of a run that the rounds use. */
type RoundsRun = Omit<
  BenchRun<'systems' | 'rounds' | 'warmUpSeconds' | 'seconds' | 'delayMs' | 'concurrency'>,
  'limited'
>;

/** The load rows to measure. `halfLoad` also measures the ceiling, because it needs that. */
export interface LoadRows {
  readonly oneAtATime: boolean;
  readonly ceiling: boolean;
  readonly halfLoad: boolean;
}

/**
 * Starts all systems together and measures them in turns, so that a disturbance of the machine affects all of
 * them.
 */
export async function measureRounds(run: RoundsRun, rows: LoadRows): Promise<LoadMeasure[]> {
  const { options, around, say } = run;
  const systems: System[] = [];
  for (const name of options.systems) {
    say(`starting ${name}`);
    systems.push(await startSystem(name, await newPlace(run), around));
  }
  const base = { model: modelOf(options.delayMs), promptBytes: PROMPT_BYTES };
  const warmUp = { concurrency: WARM_UP_CONCURRENCY, forMs: options.warmUpSeconds * 1_000 };
  for (const system of systems) await system.run({ kind: 'closed', ...base, ...warmUp });
  const measures: LoadMeasure[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    // The order changes with each round, so that no system is always first.
    const order = systems.map((_, nth) => systems[(nth + round) % systems.length]);
    for (const system of order) {
      if (system !== undefined) measures.push(...(await measureSystem(run, rows, system, round)));
    }
  }
  for (const system of systems) await system.stop();
  return measures;
}

async function measureSystem(
  { options, say }: RoundsRun,
  rows: LoadRows,
  system: System,
  round: number,
): Promise<LoadMeasure[]> {
  const base = { model: modelOf(options.delayMs), promptBytes: PROMPT_BYTES };
  const forMs = options.seconds * 1_000;
  const measures: LoadMeasure[] = [];
  const note = (measure: LoadMeasure): LoadMeasure => {
    measures.push(measure);
    say(`round ${round}/${options.rounds} ${describe(measure)}`);
    return measure;
  };
  if (rows.oneAtATime) {
    note(
      await measureLoad(system, 'one-at-a-time', round, { kind: 'closed', ...base, concurrency: 1, forMs }),
    );
  }
  if (!rows.ceiling && !rows.halfLoad) return measures;
  const { concurrency } = options;
  const closed = { kind: 'closed', ...base, concurrency, forMs } as const;
  const { answeredPerSecond } = note(await measureLoad(system, 'ceiling', round, closed));
  if (rows.halfLoad && answeredPerSecond > 0) {
    const open = { kind: 'open', ...base, perSecond: answeredPerSecond / 2, forMs, seed: round } as const;
    note(await measureLoad(system, 'half-load', round, open));
  }
  return measures;
}

function describe({
  system,
  row,
  p50Ms,
  p99Ms,
  answeredPerSecond,
  cpuMsPerRequest: cpu,
  ...rest
}: LoadMeasure): string {
  const times = `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, ${answeredPerSecond.toFixed(1)}/s`;
  const spent = cpu === null ? '' : `, CPU ${cpu.app.toFixed(1)} + ${cpu.server.toFixed(1)} ms`;
  const errors = rest.errors === 0 ? '' : `, ${rest.errors} errors (${rest.firstError})`;
  return `${system.padEnd(8)} ${row.padEnd(14)} ${times}${spent}${errors}`;
}
