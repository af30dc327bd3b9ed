import { setTimeout as sleep } from 'node:timers/promises';
import { promptOf } from '../load/load.ts';
import type { HttpSystem } from '../systems/called-over-http.ts';
import { startHttpSystem } from '../systems/start-system.ts';
import { type BenchRun, modelOf, newPlace } from './bench-run.ts';
import { atATime } from './hold-calls.ts';

export interface DuplicatesMeasure {
  readonly system: 'service' | 'restate';
  readonly keys: number;
  readonly postsOfEach: number;
  /** Equal to `keys` if no call was made twice. */
  readonly upstreamCalls: number;
  /** Posts that ended without a completion. */
  readonly errors: number;
  /** Keys whose posts got answers with different bytes. */
  readonly differing: number;
  /** Posts answered with 503 and sent again. */
  readonly turnedAway: number;
  readonly seconds: number;
}

const POSTS_OF_EACH = 5;
const KEYS_AT_ONCE = 40;
const COME_BACK_MS = 500;

/** Posts each key five times at once. Only for systems with idempotency keys. */
export async function measureDuplicates(run: BenchRun): Promise<DuplicatesMeasure[]> {
  const measures: DuplicatesMeasure[] = [];
  for (const name of ['service', 'restate'] as const) {
    if (!run.options.systems.includes(name)) continue;
    const system = await startHttpSystem(name, await newPlace(run), run.around);
    measures.push(await postDuplicates(run, name, system));
    await system.stop();
  }
  return measures;
}

async function postDuplicates(
  { options: { delayMs, keys }, upstream, say }: BenchRun,
  name: DuplicatesMeasure['system'],
  { caller }: HttpSystem,
): Promise<DuplicatesMeasure> {
  const model = modelOf(delayMs, `duplicates${name}`);
  const body = promptOf(model);
  let [errors, differing, turnedAway, done] = [0, 0, 0, 0];

  async function post(key: string): Promise<string> {
    for (;;) {
      const { status, text } = await caller.post(body, { 'idempotency-key': key });
      if (status === 200) return text;
      if (status !== 503) throw new Error(`${status} ${text}`);
      turnedAway += 1;
      await sleep(COME_BACK_MS);
    }
  }

  const startedMs = performance.now();
  const timer = setInterval(() => say(`duplicates ${name}: ${done}/${keys} keys`), 10_000);
  await atATime(keys, KEYS_AT_ONCE, async (nth) => {
    const answers = await Promise.allSettled(Array.from({ length: POSTS_OF_EACH }, () => post(`key-${nth}`)));
    const texts = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    errors += answers.length - texts.length;
    if (new Set(texts).size > 1) differing += 1;
    done += 1;
  });
  clearInterval(timer);
  const seconds = (performance.now() - startedMs) / 1_000;
  const { calls: upstreamCalls } = await upstream.count(model);
  say(
    `duplicates ${name}: ${keys} keys, ${upstreamCalls} upstream calls, ${errors} errors, ${differing} differing`,
  );
  return {
    system: name,
    keys,
    postsOfEach: POSTS_OF_EACH,
    upstreamCalls,
    errors,
    differing,
    turnedAway,
    seconds,
  };
}
