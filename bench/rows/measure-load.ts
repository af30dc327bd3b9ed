import type { Load } from '../load/load.ts';
import { quantile } from '../load/run-load.ts';
import { cpuMsOf, growth, type Usage } from '../machine/usage.ts';
import type { System, SystemName } from '../systems/system.ts';

/** One measurement of one system under one load. */
export interface LoadMeasure {
  readonly system: SystemName;
  readonly row: 'one-at-a-time' | 'ceiling' | 'half-load';
  readonly round: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Rate of an open loop. Null = closed loop. */
  readonly offeredPerSecond: number | null;
  readonly answeredPerSecond: number;
  /** CPU time per request of the system's process tree. Null = it has none. */
  readonly cpuMsPerRequest: Usage | null;
  readonly errors: number;
  readonly firstError: string | null;
  readonly latenciesMs: readonly number[];
}

/** Runs a load on a system and measures its cost. */
export async function measureLoad(
  system: System,
  row: LoadMeasure['row'],
  round: number,
  load: Load,
): Promise<LoadMeasure> {
  const before = system.pid === null ? null : cpuMsOf(system.pid);
  const { latenciesMs, errors, firstError, perSecond } = await system.run(load);
  const cpuMsPerRequest =
    system.pid === null || before === null ? null : growth(before, cpuMsOf(system.pid), latenciesMs.length);
  return {
    system: system.name,
    row,
    round,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    offeredPerSecond: load.kind === 'closed' ? null : load.perSecond,
    answeredPerSecond: perSecond,
    cpuMsPerRequest,
    errors,
    firstError,
    latenciesMs,
  };
}
