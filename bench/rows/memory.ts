import { setTimeout as sleep } from 'node:timers/promises';
import { growth, memoryOf, total, type Usage } from '../machine/usage.ts';
import { startSystem } from '../systems/start-system.ts';
import type { SystemName } from '../systems/system.ts';
import { type BenchRun, newPlace } from './bench-run.ts';
import { holdCalls, warmUp } from './hold-calls.ts';

export interface MemoryMeasure {
  readonly system: SystemName;
  readonly inFlight: number;
  /** Bytes. */
  readonly idle: Usage;
  /** Memory that 1,000 requests in flight add, bytes. */
  readonly perThousand: Usage;
}

const SETTLE_MS = 5_000;

/**
 * Measures each system alone and newly started. `naive` is left out, because its defaults allow only 100
 * calls at once.
 */
export async function measureMemory(run: BenchRun): Promise<MemoryMeasure[]> {
  const { options, around, say } = run;
  const measures: MemoryMeasure[] = [];
  for (const name of options.systems) {
    if (name === 'direct' || name === 'naive') continue;
    say(`memory   ${name}: ${options.inFlight} in flight`);
    const system = await startSystem(name, await newPlace(run), around);
    await warmUp(run, system);
    await sleep(SETTLE_MS);
    const idle = memoryOf(system.pid ?? 0);
    await holdCalls(run, system, options.inFlight, `memory${name}`);
    await sleep(SETTLE_MS);
    const perThousand = growth(idle, memoryOf(system.pid ?? 0), options.inFlight / 1_000);
    await system.stop();
    measures.push({ system: name, inFlight: options.inFlight, idle, perThousand });
    say(`memory   ${name}: ${inMiB(perThousand)} per 1,000 over ${inMiB(idle)}`);
  }
  return measures;
}

function inMiB(usage: Usage): string {
  const [app, server, all] = [usage.app, usage.server, total(usage)].map((bytes) =>
    (bytes / 2 ** 20).toFixed(1),
  );
  return `${app} + ${server} = ${all} MiB`;
}
