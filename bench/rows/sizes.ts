import { randomBytes } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { createHttpCaller } from '../load/http-call.ts';
import { promptOf } from '../load/load.ts';
import { startService } from '../systems/start-service.ts';
import { type BenchRun, modelOf, newPlace } from './bench-run.ts';

/** Bodies of one size: medians over the rounds. */
export interface SizeMeasure {
  readonly bytes: number;
  readonly directMs: number;
  readonly serviceMs: number;
  /** A copy of the body to the same disk, with fsync. */
  readonly copyMs: number;
  /** How much the service's memory grew at most. */
  readonly growthBytes: number;
  /** The longest delay of the service's event loop. */
  readonly loopMs: number;
}

export interface SizesMeasure {
  readonly sizes: readonly SizeMeasure[];
  /** The longest delay of the event loop under 20 small calls a second, alone and while 40 MB are taken. */
  readonly beside: { readonly quietMs: number; readonly loopMs: number };
}

const SIZES = [10_000, 1_000_000, 10_000_000, 40_000_000] as const;
const LARGEST = 40_000_000;
const BESIDE_BODIES = 3;
const SMALL_EVERY_MS = 50;
const QUIET_MS = 3_000;
/** Longer than the monitor's interval of writing. */
const WRITTEN_MS = 450;
const MONITOR = fileURLToPath(new URL('../machine/loop-delay.ts', import.meta.url));
const Figures = z.object({ maxMs: z.number(), rss: z.number(), largestRss: z.number() });

/** Measures bodies of several sizes against a direct call, in interleaved rounds on one service. */
export async function measureSizes(run: BenchRun): Promise<SizesMeasure> {
  const { around, options, say } = run;
  const place = await newPlace(run);
  const figuresPath = `${place.directory}.loop.json`;
  const service = await startService(place, around.upstreamURL, {
    env: {
      NODE_OPTIONS: `--import=${MONITOR}`,
      BENCH_LOOP_FILE: figuresPath,
      REQRUN_MAX_BODY_BYTES: String(64 * 1024 * 1024),
    },
  });
  const direct = createHttpCaller(`${around.upstreamURL}/chat/completions`);
  const model = modelOf(options.delayMs, 'sizes');
  const read = async (): Promise<z.infer<typeof Figures>> => {
    await sleep(WRITTEN_MS);
    return Figures.parse(JSON.parse(await readFile(figuresPath, 'utf8')));
  };
  const begin = async (): Promise<z.infer<typeof Figures>> => {
    process.kill(service.pid ?? 0, 'SIGUSR2');
    return read();
  };
  const small = promptOf(model);
  for (let nth = 0; nth < 50; nth += 1) await service.caller.call(small);

  const sizes: SizeMeasure[] = [];
  for (const bytes of SIZES) {
    const [directs, services, copies]: [number[], number[], number[]] = [[], [], []];
    const before = await begin();
    for (let round = 0; round < Math.max(3, options.rounds); round += 1) {
      const body = bodyOf(model, bytes);
      directs.push(await timed(() => direct.call(body)));
      services.push(await timed(() => service.caller.call(body)));
      copies.push(await timed(() => copy(join(run.directory, 'copy'), body)));
    }
    const after = await read();
    const measure = {
      bytes,
      directMs: median(directs),
      serviceMs: median(services),
      copyMs: median(copies),
      growthBytes: Math.max(0, after.largestRss - before.rss),
      loopMs: after.maxMs,
    };
    sizes.push(measure);
    say(`sizes: ${JSON.stringify(measure)}`);
  }

  const calls: Promise<void>[] = [];
  const timer = setInterval(() => calls.push(service.caller.call(small)), SMALL_EVERY_MS);
  await begin();
  await sleep(QUIET_MS);
  const quiet = await read();
  await begin();
  for (let nth = 0; nth < BESIDE_BODIES; nth += 1) await service.caller.call(bodyOf(model, LARGEST));
  const busy = await read();
  clearInterval(timer);
  await Promise.all(calls);
  await direct.close();
  await service.stop();
  const beside = { quietMs: quiet.maxMs, loopMs: busy.maxMs };
  say(`sizes: ${JSON.stringify(beside)}`);
  return { sizes, beside };
}

/** A body of about so many bytes: a picture in a data URL. */
function bodyOf(model: string, bytes: number): Buffer {
  const url = `data:image/png;base64,${randomBytes((bytes * 3) / 4).toString('base64')}`;
  const content = [{ type: 'image_url', image_url: { url } }];
  return Buffer.from(JSON.stringify({ model, messages: [{ role: 'user', content }] }));
}

async function timed(act: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await act();
  return performance.now() - startedMs;
}

async function copy(path: string, body: Buffer): Promise<void> {
  const file = await open(path, 'w');
  await file.write(body);
  await file.sync();
  await file.close();
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
