import { startHttpSystem } from '../systems/start-system.ts';
import { type BenchRun, newPlace } from './bench-run.ts';
import { holdCalls, warmUp } from './hold-calls.ts';

export interface RecoveryMeasure {
  readonly system: 'service' | 'restate';
  readonly interrupted: number;
  /**
   * Time from kill -9 of the whole tree to the second arrival of the last call. The tree is started again at
   * once.
   */
  readonly allAgainMs: number;
  /** Time from kill -9 until the system takes calls again. */
  readonly readyMs: number;
}

const TRIES = 3;
const WITHIN_MS = 180_000;

/** Measures recovery. Only for durable systems that a restart brings back in the same state. */
export async function measureRecovery(run: BenchRun): Promise<RecoveryMeasure[]> {
  const measures: RecoveryMeasure[] = [];
  for (let nth = 1; nth <= Math.min(TRIES, run.options.rounds); nth += 1) {
    for (const name of ['service', 'restate'] as const) {
      if (run.options.systems.includes(name)) measures.push(await killAndRestart(run, name, nth));
    }
  }
  return measures;
}

async function killAndRestart(
  run: BenchRun,
  name: RecoveryMeasure['system'],
  nth: number,
): Promise<RecoveryMeasure> {
  const { options, upstream, around, say } = run;
  const interrupted = options.recovering;
  const place = await newPlace(run);
  const first = await startHttpSystem(name, place, around);
  await warmUp(run, first);
  const model = await holdCalls(run, first, interrupted, `recovery${name}${nth}`);
  const killedAtMs = Date.now();
  await first.stop();
  const again = await startHttpSystem(name, place, around);
  const readyMs = Date.now() - killedAtMs;
  const { lastAtMs } = await upstream.untilCount(model, ({ calls }) => calls >= 2 * interrupted, WITHIN_MS);
  await again.stop();
  const allAgainMs = lastAtMs - killedAtMs;
  say(
    `recovery ${name}: ${interrupted} calls made again ${allAgainMs} ms after kill -9, ready after ${readyMs} ms`,
  );
  return { system: name, interrupted, allAgainMs, readyMs };
}
