/**
 * Process entry of `npm run bench:guard`: the short form of the benchmark. It compares the cost of the
 * service with the cost of a bare workflow and a plain proxy together, in interleaved rounds of one run. It
 * exits with 1 if a ratio reaches its bound. Ratios are compared because times differ between machines and
 * hours. A ratio of medians of interleaved rounds is stable, provided that nothing else runs on the machine.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/config.ts';
import { findTemporalBinary } from '../src/dev-server/find-binary.ts';
import { binarySettings } from '../src/process/choose-temporal.ts';
import { median } from './load/run-load.ts';
import { total } from './machine/usage.ts';
import type { LoadMeasure } from './rows/measure-load.ts';
import { measureRounds } from './rows/rounds.ts';
import { buildFloorBundle } from './systems/floor-bundle.ts';
import { killAll } from './systems/spawn-entry.ts';
import { startUpstream } from './upstream/upstream.ts';

/**
 * Bounds of the ratios. Measured on two cores: 0.76 to 0.92 and 1.04 to 1.17. A ratio half as large again is
 * a defect.
 */
const MOST = { addedP50: 1.35, cpu: 1.5 };
const ROUNDS = 7;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const directory = await mkdtemp(join(tmpdir(), 'reqrun-guard-'));
const upstream = await startUpstream();
try {
  const { path } = await findTemporalBinary(binarySettings(loadConfig(), say));
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
        temporalBinary: path,
        floorBundle: await buildFloorBundle(directory),
      },
      directory,
      say: () => undefined,
    },
    { oneAtATime: true, ceiling: true, halfLoad: false },
  );
  const errors = measures.reduce((sum, one) => sum + one.errors, 0);
  const rounds = Array.from({ length: ROUNDS }, (_, nth) => ratiosOf(measures, nth + 1));
  const addedP50 = median(rounds.map((round) => round.addedP50));
  const cpu = median(rounds.map((round) => round.cpu));
  say(
    `ratio to floor + plain, medians of ${ROUNDS} rounds: added p50 ${addedP50.toFixed(2)}, CPU ${cpu.toFixed(2)}`,
  );
  say(`bounds: added p50 ${MOST.addedP50}, CPU ${MOST.cpu}; ${errors} errors`);
  if (errors > 0 || addedP50 >= MOST.addedP50 || cpu >= MOST.cpu) process.exitCode = 1;
} finally {
  await killAll();
  await upstream.close();
  await rm(directory, { recursive: true, force: true });
}

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
