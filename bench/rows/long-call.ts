import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { RequestRecord } from '../../src/domain/record.ts';
import { promptOf } from '../load/load.ts';
import { startHttpSystem } from '../systems/start-system.ts';
import { type BenchRun, modelOf, newPlace } from './bench-run.ts';

export interface LongCallMeasure {
  readonly upstreamSeconds: number;
  readonly status: string;
  readonly attempts: number;
  readonly upstreamCalls: number;
  readonly polls: number;
  readonly seconds: number;
}

const POLL_MS = 5_000;
const Accepted = z.object({ request_url: z.string() });

/**
 * Measures one call that takes longer than HTTP clients wait. Its answer is fetched by polling the record.
 */
export async function measureLongCall(run: BenchRun): Promise<LongCallMeasure> {
  const { options, upstream, around, say } = run;
  const { caller, stop } = await startHttpSystem('service', await newPlace(run), around);
  const model = modelOf(options.longSeconds * 1_000, 'long');
  const startedMs = performance.now();
  const accepted = await caller.post(promptOf(model), { prefer: 'respond-async' });
  if (accepted.status !== 202) throw new Error(`${accepted.status} ${accepted.text}`);
  const { request_url: path } = Accepted.parse(JSON.parse(accepted.text));
  let polls = 0;
  const poll = async (): Promise<RequestRecord> => {
    polls += 1;
    return RequestRecord.parse(JSON.parse((await caller.get(path)).text));
  };
  let record = await poll();
  while (!record.terminal) {
    await sleep(POLL_MS);
    record = await poll();
    if (polls % 12 === 0) say(`long call: ${record.status} after ${polls} polls`);
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  const { calls: upstreamCalls } = await upstream.count(model);
  await stop();
  const { status, attempts } = record;
  return { upstreamSeconds: options.longSeconds, status, attempts, upstreamCalls, polls, seconds };
}
