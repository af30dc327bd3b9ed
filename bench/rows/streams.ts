import { setTimeout as sleep } from 'node:timers/promises';
import { createHttpCaller } from '../load/http-call.ts';
import { promptOf } from '../load/load.ts';
import { median, quantile } from '../load/run-load.ts';
import { createStreamCaller, type StreamCall, type StreamCaller } from '../load/stream-call.ts';
import { collectGarbage } from '../machine/collect-garbage.ts';
import { cpuMsOf, growth, memoryOf, total } from '../machine/usage.ts';
import { startHttpSystem } from '../systems/start-system.ts';
import { startStreamsApart } from '../systems/start-streams-apart.ts';
import { preciseNowMs, streamModel } from '../upstream/bench-stream.ts';
import { type BenchRun, modelOf, newPlace } from './bench-run.ts';

/** Who streams: the upstream itself, Plain, ReqRun in one process, and ReqRun with API and worker apart on Redis. */
export const STREAMERS = ['direct', 'plain', 'service', 'redis'] as const;
export type Streamer = (typeof STREAMERS)[number];

/** What one streamer took; medians of the rounds. Null = not measured for it. */
export interface StreamMeasure {
  readonly streamer: Streamer;
  /** p50 of the time to the first event, one stream at a time. */
  readonly firstMs: number;
  /** p50 of a whole call that is not streamed, one at a time. */
  readonly wholeMs: number | null;
  /** p99 of the time by which the gap between two events grew on the way, with many streams. */
  readonly gapP99Ms: number;
  /** CPU of all processes, Temporal and Redis included. */
  readonly cpuMsPer1000Events: number | null;
  /** Growth for 1,000 open streams, bytes, without garbage: of the application, without Temporal and Redis. */
  readonly memoryPer1000: number | null;
  /** The same for 1,000 open calls that are not streamed. */
  readonly wholeMemoryPer1000: number | null;
  /** Streams that broke off or had no end. */
  readonly errors: number;
}

/**
 * Streams at once, and what each has. Gaps and CPU are those of a window in which all streams are open and none begins
 * or ends, because the cost of a request is another figure.
 */
const CROWD = { streams: 200, script: { firstMs: 50, events: 500, gapMs: 50 }, startMs: 40 };
const WINDOW = { fromMs: 13_000, forMs: 10_000 };
const OPEN = { streams: 1_000, script: { firstMs: 50, events: 50, gapMs: 1_000 }, startMs: 30 };
/** When memory is looked at: all are open, and none has ended. */
const OPEN_FOR_MS = 45_000;
const WHOLE_MODEL = modelOf(50_000);

interface Running {
  readonly streamer: Streamer;
  readonly caller: StreamCaller;
  readonly whole: ((body: Buffer) => Promise<unknown>) | null;
  /** Process ids of its own programs. */
  readonly nodePids: readonly number[];
  /** Process ids of servers that are not in their trees. */
  readonly serverPids: readonly number[];
  stop(): Promise<void>;
}

/** Compares streams, in interleaved rounds. Redis is left out where it is not installed. */
export async function measureStreams(run: BenchRun): Promise<StreamMeasure[]> {
  const { options, say } = run;
  const running = await startAll(run);
  const rounds = new Map<Streamer, Omit<StreamMeasure, 'streamer'>[]>();
  for (let nth = 1; nth <= options.rounds; nth += 1) {
    for (const one of nth % 2 === 0 ? running.toReversed() : running) {
      const measured = await measureOnce(one, run, nth);
      rounds.set(one.streamer, [...(rounds.get(one.streamer) ?? []), measured]);
      say(`streams  ${one.streamer} round ${nth}/${options.rounds}: ${describe(measured)}`);
    }
  }
  await Promise.all(running.map(({ stop }) => stop()));
  return running.map(({ streamer }) => {
    const all = rounds.get(streamer) ?? [];
    const over = (of: (one: Omit<StreamMeasure, 'streamer'>) => number | null): number | null => {
      const values = all.flatMap((one) => of(one) ?? []);
      return values.length === 0 ? null : median(values);
    };
    return {
      streamer,
      firstMs: over((one) => one.firstMs) ?? NaN,
      wholeMs: over((one) => one.wholeMs),
      gapP99Ms: over((one) => one.gapP99Ms) ?? NaN,
      cpuMsPer1000Events: over((one) => one.cpuMsPer1000Events),
      memoryPer1000: over((one) => one.memoryPer1000),
      wholeMemoryPer1000: over((one) => one.wholeMemoryPer1000),
      errors: all.reduce((sum, { errors }) => sum + errors, 0),
    };
  });
}

async function startAll(run: BenchRun): Promise<Running[]> {
  const { around } = run;
  const started: Running[] = [];
  for (const name of ['direct', 'plain', 'service'] as const) {
    const place = await newPlace(run);
    const system = await startHttpSystem(name, place, around);
    const url =
      name === 'direct'
        ? `${around.upstreamURL}/chat/completions`
        : `http://127.0.0.1:${place.ports[0]}/v1/chat/completions`;
    const caller = createStreamCaller(url);
    started.push({
      streamer: name,
      caller,
      whole: (body) => system.caller.call(body),
      nodePids: system.pid === null ? [] : [system.pid],
      serverPids: [],
      stop: async () => {
        await system.stop();
        await caller.close();
      },
    });
  }
  const apart = await startStreamsApart(run);
  if (apart === null) {
    run.say('streams  redis-server is not installed, so the row has no figures with Redis between');
    return started;
  }
  const caller = createStreamCaller(`${apart.url}/v1/chat/completions`);
  const other = createHttpCaller(`${apart.url}/v1/chat/completions`, { prefer: 'wait=60' });
  started.push({
    streamer: 'redis',
    caller,
    whole: (body) => other.call(body),
    nodePids: apart.nodePids,
    serverPids: apart.serverPids,
    stop: async () => {
      await apart.stop();
      await Promise.all([caller.close(), other.close()]);
    },
  });
  return started;
}

async function measureOnce(
  { streamer, caller, whole, nodePids, serverPids }: Running,
  { options }: BenchRun<'seconds' | 'delayMs'>,
  round: number,
): Promise<Omit<StreamMeasure, 'streamer'>> {
  let errors = 0;
  const stream = async (body: Buffer): Promise<StreamCall | null> => {
    const ended = await caller.call(body).catch(() => null);
    if (ended === null || !ended.isWhole) errors += 1;
    return ended;
  };
  const short = streamBody({ firstMs: options.delayMs, events: 1, gapMs: 0 }, `first-${round}`);
  const firstMs = await p50(options.seconds * 1_000, async () => (await stream(short))?.firstMs ?? NaN);
  const wholeBody = promptOf(modelOf(options.delayMs));
  const holdWhole = async (): Promise<unknown> => whole?.(promptOf(WHOLE_MODEL)).catch(() => (errors += 1));
  const wholeMs =
    whole === null
      ? null
      : await p50(options.seconds * 1_000, async () => {
          const startedMs = performance.now();
          await whole(wholeBody);
          return performance.now() - startedMs;
        });
  const crowdBody = streamBody(CROWD.script, `crowd-${round}`);
  const crowd = Array.from({ length: CROWD.streams }, async (_, index) => {
    await sleep(index * CROWD.startMs);
    return stream(crowdBody);
  });
  await sleep(WINDOW.fromMs);
  const [before, fromMs] = [cpuMsOf(...nodePids, ...serverPids), preciseNowMs()];
  await sleep(WINDOW.forMs);
  const [after, toMs] = [cpuMsOf(...nodePids, ...serverPids), preciseNowMs()];
  const events = (await Promise.all(crowd)).flatMap((one) =>
    one === null ? [] : [one.events.filter(({ cameMs }) => cameMs >= fromMs && cameMs < toMs)],
  );
  const count = events.reduce((sum, { length }) => sum + length, 0);
  const cpuMsPer1000Events = streamer === 'direct' ? null : total(growth(before, after, count / 1_000));
  const openBody = streamBody(OPEN.script, 'open');
  const isHeld = streamer !== 'direct' && round === 1;
  const wholeMemoryPer1000 = isHeld ? await memoryOfOpen(nodePids, holdWhole) : null;
  const memoryPer1000 = isHeld ? await memoryOfOpen(nodePids, () => stream(openBody)) : null;
  const grown = events.flatMap((all) =>
    all.slice(1).map(({ sentMs, cameMs }, index) => {
      const last = all[index];
      return last === undefined ? NaN : cameMs - last.cameMs - (sentMs - last.sentMs);
    }),
  );
  return {
    firstMs,
    wholeMs,
    gapP99Ms: quantile(grown, 0.99),
    cpuMsPer1000Events,
    memoryPer1000,
    wholeMemoryPer1000,
    errors,
  };
}

/** The growth of the application's processes while 1,000 calls are open, without garbage. */
async function memoryOfOpen(pids: readonly number[], call: () => Promise<unknown>): Promise<number> {
  await collectAll(pids);
  const before = memoryOf(...pids).app;
  const open = Array.from({ length: OPEN.streams }, async (_, index) => {
    await sleep(index * OPEN.startMs);
    await call();
  });
  await sleep(OPEN_FOR_MS);
  await collectAll(pids);
  const during = memoryOf(...pids).app;
  await Promise.all(open);
  return ((during - before) * 1_000) / OPEN.streams;
}

/** One after the other, because each process listens on the same port for it. */
async function collectAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) await collectGarbage(pid);
}

async function p50(forMs: number, call: () => Promise<number>): Promise<number> {
  const endMs = performance.now() + forMs;
  const taken: number[] = [];
  while (performance.now() < endMs) taken.push(await call());
  return quantile(taken, 0.5);
}

function streamBody(script: Parameters<typeof streamModel>[0], mark: string): Buffer {
  const messages = [{ role: 'user', content: 'x'.repeat(500) }];
  return Buffer.from(JSON.stringify({ model: streamModel(script, mark), stream: true, messages }));
}

function describe({
  firstMs,
  wholeMs,
  gapP99Ms,
  cpuMsPer1000Events,
  errors,
}: Omit<StreamMeasure, 'streamer'>): string {
  const shown = (value: number | null): string => (value === null ? '-' : value.toFixed(1));
  return (
    `first event ${shown(firstMs)} ms, whole call ${shown(wholeMs)} ms, gap p99 ${shown(gapP99Ms)} ms, ` +
    `CPU per 1,000 events ${shown(cpuMsPer1000Events)} ms, ${errors} errors`
  );
}
