import { setTimeout as sleep } from 'node:timers/promises';
import { promptOf } from '../load/load.ts';
import { growth, memoryOf, type Usage } from '../machine/usage.ts';
import { startHttpSystem } from '../systems/start-system.ts';
import { type BenchRun, modelOf, newPlace } from './bench-run.ts';
import { atATime, warmUp } from './hold-calls.ts';

export interface InFlightMeasure {
  readonly promptBytes: number;
  readonly calls: number;
  /** Bytes that each call adds. */
  readonly perCall: Usage;
}

const PROMPT_SIZES = [1_024, 102_400];
/** Below the default timeout of an attempt, which is 10 minutes. */
const HELD_MS = 590_000;
const WITHIN_MS = 120_000;
const POSTS_AT_ONCE = 32;
const SETTLE_MS = 10_000;

/**
 * Measures the memory of concurrent upstream calls in one worker process. Their callers have disconnected, so
 * only the calls themselves are measured.
 */
export async function measureInFlight(run: BenchRun): Promise<InFlightMeasure[]> {
  const measures: InFlightMeasure[] = [];
  for (const promptBytes of PROMPT_SIZES) measures.push(await measureSize(run, promptBytes));
  return measures;
}

async function measureSize(run: BenchRun, promptBytes: number): Promise<InFlightMeasure> {
  const { options, upstream, around, say } = run;
  const { calls } = options;
  const system = await startHttpSystem('service', await newPlace(run), around);
  await warmUp(run, system);
  await sleep(SETTLE_MS);
  const before = memoryOf(system.pid ?? 0);
  const model = modelOf(HELD_MS, `inflight${promptBytes}`);
  const body = promptOf(model, promptBytes);
  let posted = 0;
  const timer = setInterval(
    () => say(`in flight at ${promptBytes} bytes: ${posted}/${calls} accepted`),
    10_000,
  );
  await atATime(calls, POSTS_AT_ONCE, async () => {
    const { status, text } = await system.caller.post(body, { prefer: 'respond-async' });
    if (status !== 202) throw new Error(`${status} ${text}`);
    posted += 1;
  });
  clearInterval(timer);
  await upstream.untilCount(model, ({ open }) => open >= calls, WITHIN_MS);
  await sleep(SETTLE_MS);
  const perCall = growth(before, memoryOf(system.pid ?? 0), calls);
  await system.stop();
  const [app, server] = [perCall.app, perCall.server].map((bytes) => (bytes / 1_024).toFixed(1));
  say(
    `in flight at ${promptBytes} bytes: ${calls} calls, each ${app} KiB in the application, ${server} in the server`,
  );
  return { promptBytes, calls, perCall };
}
