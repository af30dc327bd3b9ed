import { median, quantile } from '../load/run-load.ts';
import { total, type Usage } from '../machine/usage.ts';
import type { LoadMeasure } from '../rows/measure-load.ts';
import type { Measures } from '../rows/measure.ts';
import type { SystemName } from '../systems/system.ts';

/**
 * One system's figures. Null = not measured. "Added" is the time over the upstream's own p50, of the same
 * round if there are rounds. Figures are medians of the rounds, except each p99, which is computed from all
 * calls together.
 */
export interface Summary {
  readonly system: SystemName;
  readonly addedP50Ms: number | null;
  readonly addedP99Ms: number | null;
  readonly halfLoadAddedP50Ms: number | null;
  readonly halfLoadAddedP99Ms: number | null;
  readonly perSecond: number | null;
  /** CPU time per request at the ceiling, for the whole process tree. */
  readonly cpuMs: number | null;
  /** Bytes per 1,000 requests in flight. */
  readonly memory: Usage | null;
  readonly recoveryMs: number | null;
  readonly coldStartMs: number | null;
  /** Errors in all calls of the rows under load. */
  readonly errors: number;
}

/** @param system a system that was measured */
export function summarise(system: SystemName, measures: Measures): Summary {
  const ofRow = (name: SystemName, row: LoadMeasure['row']): LoadMeasure[] =>
    measures.loads.filter((measure) => measure.system === name && measure.row === row);
  const upstream = ofRow('direct', 'one-at-a-time');
  const upstreamP50 = median(upstream.map(({ p50Ms }) => p50Ms));
  const p50Of = (round: number): number =>
    upstream.find((measure) => measure.round === round)?.p50Ms ?? upstreamP50;
  const addedP50 = (row: LoadMeasure['row']): number | null =>
    figure(median(ofRow(system, row).map(({ p50Ms, round }) => p50Ms - p50Of(round))));
  const addedP99 = (row: LoadMeasure['row']): number | null =>
    figure(
      quantile(
        ofRow(system, row).flatMap(({ latenciesMs }) => latenciesMs),
        0.99,
      ) - upstreamP50,
    );
  const ceiling = ofRow(system, 'ceiling');
  const mine = <T extends { readonly system: SystemName }>(all: readonly T[]): T[] =>
    all.filter((one) => one.system === system);
  return {
    system,
    addedP50Ms: addedP50('one-at-a-time'),
    addedP99Ms: addedP99('one-at-a-time'),
    halfLoadAddedP50Ms: addedP50('half-load'),
    halfLoadAddedP99Ms: addedP99('half-load'),
    perSecond: figure(median(ceiling.map(({ answeredPerSecond }) => answeredPerSecond))),
    cpuMs: figure(median(ceiling.flatMap(({ cpuMsPerRequest: cpu }) => (cpu === null ? [] : [total(cpu)])))),
    memory: mine(measures.memory)[0]?.perThousand ?? null,
    recoveryMs: figure(median(mine(measures.recovery).map(({ allAgainMs }) => allAgainMs))),
    coldStartMs: figure(median(mine(measures.coldStart).map(({ firstAnswerMs }) => firstAnswerMs))),
    errors: mine(measures.loads).reduce((sum, { errors }) => sum + errors, 0),
  };
}

function figure(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
