/**
 * The benchmark's short form, as a guard: what the service costs over a bare workflow and a plain proxy of the
 * same run. Times differ between machines and hours; a ratio of medians of interleaved rounds holds still.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { median } from '../../bench/load/run-load.ts';
import { total } from '../../bench/machine/usage.ts';
import type { LoadMeasure } from '../../bench/rows/measure-load.ts';
import { measureRounds } from '../../bench/rows/rounds.ts';
import { buildFloorBundle } from '../../bench/systems/floor-bundle.ts';
import { killAll } from '../../bench/systems/spawn-entry.ts';
import { startUpstream } from '../../bench/upstream/upstream.ts';

/** Seen, on two cores, alone and within the whole run: 0.76 to 0.92, and 1.04 to 1.17. Half as much again is beyond. */
const MOST = { addedP50: 1.35, cpu: 1.5 };
const ROUNDS = 7;

const directory = await mkdtemp(join(tmpdir(), 'reqrun-speed-'));
const upstream = await startUpstream();
afterAll(async () => {
  await killAll();
  await upstream.close();
  await rm(directory, { recursive: true, force: true });
});

describe('what the service costs over a bare workflow and a plain proxy together', () => {
  it('is bounded, in time and in CPU', { timeout: 120_000 }, async () => {
    const measures = await measureRounds(
      {
        options: {
          systems: ['direct', 'plain', 'floor', 'service'],
          rounds: ROUNDS,
          seconds: 0.4,
          warmUpSeconds: 1.5,
          delayMs: 20,
          concurrency: 8,
        },
        upstream,
        around: {
          upstreamURL: upstream.baseURL,
          temporalBinary: inject('temporalBinary'),
          floorBundle: await buildFloorBundle(directory),
        },
        directory,
        say: () => undefined,
      },
      { oneAtATime: true, ceiling: true, halfLoad: false },
    );
    expect(measures.filter(({ errors }) => errors > 0)).toEqual([]);
    const rounds = Array.from({ length: ROUNDS }, (_, nth) => ratiosOf(measures, nth + 1));
    const ratios = {
      addedP50: median(rounds.map(({ addedP50 }) => addedP50)),
      cpu: median(rounds.map(({ cpu }) => cpu)),
    };
    process.stdout.write(`over floor and plain: ${JSON.stringify(ratios)}\n`);
    expect(ratios.addedP50).toBeLessThan(MOST.addedP50);
    expect(ratios.cpu).toBeLessThan(MOST.cpu);
  });
});

function ratiosOf(measures: readonly LoadMeasure[], round: number): { addedP50: number; cpu: number } {
  const find = (system: LoadMeasure['system'], row: LoadMeasure['row']): LoadMeasure => {
    const found = measures.find((one) => one.system === system && one.row === row && one.round === round);
    if (found === undefined) throw new Error(`${system} was not measured in round ${round}`);
    return found;
  };
  const added = (system: LoadMeasure['system']): number =>
    find(system, 'one-at-a-time').p50Ms - find('direct', 'one-at-a-time').p50Ms;
  const cpu = (system: LoadMeasure['system']): number =>
    total(find(system, 'ceiling').cpuMsPerRequest ?? { app: NaN, server: NaN });
  return {
    addedP50: added('service') / (added('floor') + added('plain')),
    cpu: cpu('service') / (cpu('floor') + cpu('plain')),
  };
}
