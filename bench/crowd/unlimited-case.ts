import { PROMPT_BYTES } from '../load/load.ts';
import { type BenchRun, modelOf, newPlace } from '../rows/bench-run.ts';
import { warmUp } from '../rows/hold-calls.ts';
import { measureLoad } from '../rows/measure-load.ts';
import { startService } from '../systems/start-service.ts';
import { startSystem } from '../systems/start-system.ts';
import type { System } from '../systems/system.ts';
import type { Contender, Found } from './crowd-measure.ts';

/** Fewer interleaved rounds do not show a difference of 5 %. */
const LEAST_ROUNDS = 7;

/** One round of one contender. */
export interface UnlimitedMeasure {
  readonly contender: Contender;
  readonly round: number;
  readonly found: Found;
}

/** Measures services that run side by side and take turns, at an upstream without limits. */
export async function measureUnlimited(
  run: BenchRun,
  checkouts: ReadonlyMap<Contender, string | null>,
): Promise<UnlimitedMeasure[]> {
  const { options, around, upstream, say } = run;
  const direct = await startSystem('direct', await newPlace(run), around);
  const services: { contender: Contender; system: System }[] = [];
  for (const [contender, checkout] of checkouts) {
    const system = await startService(await newPlace(run), upstream.baseURL, { checkout });
    services.push({ contender, system });
    await warmUp(run, system);
  }
  const base = { model: modelOf(options.delayMs), promptBytes: PROMPT_BYTES, forMs: options.seconds * 1_000 };
  const one = { kind: 'closed', ...base, concurrency: 1 } as const;
  const many = { kind: 'closed', ...base, concurrency: options.concurrency } as const;
  const measures: UnlimitedMeasure[] = [];
  for (let round = 1; round <= Math.max(LEAST_ROUNDS, options.rounds); round += 1) {
    const { p50Ms } = await measureLoad(direct, 'one-at-a-time', round, one);
    // The order changes with each round, so that no service is always first.
    for (const [nth] of services.entries()) {
      const turn = services[(nth + round) % services.length];
      if (turn === undefined) continue;
      const single = await measureLoad(turn.system, 'one-at-a-time', round, one);
      const ceiling = await measureLoad(turn.system, 'ceiling', round, many);
      const addedP50Ms = single.p50Ms - p50Ms;
      const perSecond = ceiling.answeredPerSecond;
      const errors = single.errors + ceiling.errors;
      say(
        `unlimited ${turn.contender} round ${round}: +${addedP50Ms.toFixed(1)} ms, ${perSecond.toFixed(1)}/s`,
      );
      const firstError = single.firstError ?? ceiling.firstError;
      const found = { figures: { addedP50Ms, perSecond, errors }, firstError, series: [] };
      measures.push({ contender: turn.contender, round, found });
    }
  }
  for (const { system } of services) await system.stop();
  await direct.stop();
  return measures;
}
