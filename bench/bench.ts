/** Process entry of `npm run bench`. Progress goes to stderr, the table to stdout. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../src/config.ts';
import { findTemporalBinary } from '../src/dev-server/find-binary.ts';
import { binarySettings } from '../src/process/choose-temporal.ts';
import { describeMachine } from './machine/describe-machine.ts';
import { readOptions } from './options.ts';
import { report } from './report/report.ts';
import { measure } from './rows/measure.ts';
import { buildFloorBundle } from './systems/floor-bundle.ts';
import { findRestateBinary } from './systems/restate-binary.ts';
import { killAll } from './systems/spawn-entry.ts';
import { startBenchLimitedUpstream } from './upstream/limited.ts';
import { startUpstream } from './upstream/upstream.ts';

const asked = readOptions(process.argv, fileURLToPath(new URL('results', import.meta.url)));
const startedMs = performance.now();
const say = (line: string): void =>
  void process.stderr.write(
    `${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(7)} s  ${line}\n`,
  );

if (process.platform !== 'linux')
  throw new Error('The benchmark reads CPU times and memory from /proc, so it runs on Linux only.');
const restate = asked.systems.includes('restate') ? findRestateBinary() : null;
const notes =
  restate !== null && 'missing' in restate
    ? [`restate is left out because it does not run here: ${restate.missing}`]
    : [];
for (const note of notes) say(note);
const systems = asked.systems.filter((name) => name !== 'restate' || notes.length === 0);
const options = { ...asked, systems };

const parent = fileURLToPath(new URL('../.reqrun', import.meta.url));
await mkdir(parent, { recursive: true });
const directory = await mkdtemp(join(parent, 'bench-'));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    const clear = (): Promise<void> => rm(directory, { recursive: true, force: true });
    void killAll()
      .then(clear)
      .finally(() => process.exit(1));
  });
}
const { path: temporalBinary } = await findTemporalBinary(binarySettings(loadConfig(), say));
const upstream = await startUpstream();
const limited = await startBenchLimitedUpstream();
const around = {
  upstreamURL: upstream.baseURL,
  temporalBinary,
  floorBundle: await buildFloorBundle(directory),
};
const run = { options, upstream, limited, around, directory, say };
try {
  const measures = await measure(run);
  const machine = describeMachine(directory, temporalBinary);
  process.stdout.write(await report({ measures, options, machine, notes }));
} finally {
  await killAll();
  await upstream.close();
  await limited.close();
  await rm(directory, { recursive: true, force: true });
}
