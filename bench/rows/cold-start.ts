import { PROMPT_BYTES } from '../load/load.ts';
import { startSystem } from '../systems/start-system.ts';
import type { SystemName } from '../systems/system.ts';
import { type BenchRun, modelOf, newPlace } from './bench-run.ts';

export interface ColdStartMeasure {
  readonly system: SystemName;
  /**
   * Time from the spawn of a system without any state to its first answer. What was installed or built before
   * stays.
   */
  readonly firstAnswerMs: number;
}

const TRIES = 3;

export async function measureColdStart(run: BenchRun): Promise<ColdStartMeasure[]> {
  const { options, around, say } = run;
  const model = modelOf(options.delayMs);
  const measures: ColdStartMeasure[] = [];
  for (let nth = 1; nth <= Math.min(TRIES, options.rounds); nth += 1) {
    for (const name of options.systems) {
      if (name === 'direct') continue;
      const place = await newPlace(run);
      const startedMs = performance.now();
      const system = await startSystem(name, place, around);
      const load = { kind: 'paced', model, promptBytes: PROMPT_BYTES, perSecond: 1_000, count: 1 } as const;
      const { firstError } = await system.run(load);
      const firstAnswerMs = performance.now() - startedMs;
      await system.stop();
      if (firstError !== null) throw new Error(`${name} failed its first call: ${firstError}`);
      measures.push({ system: name, firstAnswerMs });
      say(`cold start ${name}: first answer after ${firstAnswerMs.toFixed(0)} ms`);
    }
  }
  return measures;
}
