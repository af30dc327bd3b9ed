import OpenAI from 'openai';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { untilTerminal } from '../load/durable-caller.ts';
import { PROMPT_BYTES } from '../load/load.ts';
import { type BenchRun, newPlace } from '../rows/bench-run.ts';
import { warmUp } from '../rows/hold-calls.ts';
import { startSystem } from '../systems/start-system.ts';
import type { Found } from './crowd-measure.ts';
import { count, type CrowdResult } from './limited-case.ts';
import { startCrowdService } from './start-crowd-service.ts';

/** Time of an upstream call of the crowds that no limit holds back. */
export const UNLIMITED_CALL_MS = 50;
const WAIT_SECONDS = 60;
const LOOK_MS = 100;
const Accepted = z.object({ id: z.string() });

/** Measures callers that come all at once with the unmodified official SDK and wait for their answers. */
export async function measureDoor(
  run: BenchRun,
  callers: number,
  model: string,
  checkout: string | null,
): Promise<Found> {
  const { limited, options } = run;
  const service = await startCrowdService(run, checkout);
  await warmUp(run, service.system());
  await limited.limit(model, { callMs: UNLIMITED_CALL_MS });
  const openai = new OpenAI({ baseURL: service.clientURL, apiKey: 'none' });
  const result: CrowdResult = { completed: 0, errors: 0, firstError: null, lastAtMs: 0 };
  let early = 0;

  async function call(): Promise<void> {
    const { data, response } = await openai.chat.completions
      .create(
        { model, messages: [{ role: 'user', content: 'billing or technical?' }] },
        { headers: { prefer: `wait=${WAIT_SECONDS}` } },
      )
      .withResponse();
    if (response.status === 200) return;
    early += 1;
    const record = await untilTerminal(service.system().caller, Accepted.parse(data).id);
    if (record.status !== 'completed') throw new Error(`the request ended as ${record.status}`);
  }

  const before = await service.accepted();
  const startedMs = Date.now();
  const looking = new AbortController();
  const accepted = untilAccepted(service.accepted, before + callers, looking.signal);
  try {
    const all = Promise.all(Array.from({ length: callers }, () => count(result, call())));
    await Promise.race([all, sleep(options.capSeconds * 1_000, undefined, { ref: false })]);
    looking.abort();
    const acceptedAtMs = await accepted;
    const { completed, errors, firstError, lastAtMs } = result;
    const { received } = await limited.counts(model);
    const figures = {
      completed,
      notCompleted: callers - completed,
      errors,
      early,
      callsPerCompletion: received / Math.max(1, completed),
      acceptedSeconds: acceptedAtMs === null ? null : (acceptedAtMs - startedMs) / 1_000,
      seconds: completed < callers ? null : (lastAtMs - startedMs) / 1_000,
    };
    return { figures, firstError, series: [] };
  } finally {
    await service.stop();
  }
}

/** Unix ms at which so many requests were accepted. Null if they never were. */
async function untilAccepted(
  accepted: () => Promise<number>,
  wanted: number,
  signal: AbortSignal,
): Promise<number | null> {
  while (!signal.aborted) {
    if ((await accepted().catch(() => 0)) >= wanted) return Date.now();
    await sleep(LOOK_MS);
  }
  return (await accepted().catch(() => 0)) >= wanted ? Date.now() : null;
}

/** Measures how long the floor takes until it has as many calls with the upstream. */
export async function measureFloorDoor(run: BenchRun, callers: number, model: string): Promise<Found> {
  const { limited, around } = run;
  const floor = await startSystem('floor', await newPlace(run), { ...around, upstreamURL: limited.baseURL });
  try {
    await limited.limit('warm-up', { callMs: UNLIMITED_CALL_MS });
    const base = { model: 'warm-up', promptBytes: PROMPT_BYTES };
    await floor.run({ kind: 'closed', ...base, concurrency: 16, forMs: 3_000 });
    await limited.limit(model, { callMs: UNLIMITED_CALL_MS });
    const startedMs = Date.now();
    const load = { kind: 'paced', model, promptBytes: PROMPT_BYTES, perSecond: 1e6, count: callers } as const;
    const { errors, firstError, latenciesMs } = await floor.run(load);
    const { lastAtMs, lastAnsweredAtMs } = await limited.counts(model);
    const figures = {
      completed: latenciesMs.length,
      errors,
      acceptedSeconds: (lastAtMs - startedMs) / 1_000,
      seconds: (lastAnsweredAtMs - startedMs) / 1_000,
    };
    return { figures, firstError, series: [] };
  } finally {
    await floor.stop();
  }
}
