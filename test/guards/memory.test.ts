/** Overload from outside: the API is a process of its own, whose memory the system tells. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import { errorOf, get, post, unique, type Answer } from '../support/api.ts';
import { runEntryFile } from '../support/process.ts';
import { rssMiB } from '../support/rss.ts';

const ACCEPTING = 20;
/** Ten times what is let in at once. */
const CALLERS = 10 * ACCEPTING;
const WARM_UP_MS = 3_000;
const LOAD_MS = 8_000;
const SAMPLE_MS = 100;
/** What a heap at rest swings by between two collections; a leak of the bodies would be several times that. */
const SWING_MIB = 30;
/** A leak ends the process; and a heap this small has its final size within seconds. */
const SMALL_HEAP = '--max-old-space-size=80 --max-semi-space-size=2';
const REFUSALS = new Set(['503 overloaded', '503 service_unavailable', '503 acceptance_unknown']);
const BODY = 'x'.repeat(20_000);

it.skipIf(process.platform !== 'linux')(
  'keeps its memory flat at ten times its capacity, and keeps every id that it gave out (G23)',
  async () => {
    const limit = String(ACCEPTING);
    const api = runEntryFile('src/api.ts', {
      PORT: '0',
      NODE_OPTIONS: SMALL_HEAP,
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      REQRUN_TASK_QUEUE: unique('nobody'),
      REQRUN_MAX_ACCEPTING: limit,
      REQRUN_MAX_WAITERS: limit,
      REQRUN_MAX_LONG_POLLS: limit,
    });
    await api.untilOutput('"ready"');
    const url = /"api":"([^"]+)"/.exec(api.output())?.[1] ?? '';
    const startedMs = Date.now();
    const isOver = (): boolean => Date.now() - startedMs > LOAD_MS;
    const accepted: string[] = [];
    const others: Answer[] = [];

    async function call(caller: number): Promise<void> {
      while (!isOver()) {
        const key = unique('flood');
        const messages = [{ role: 'user', content: BODY }];
        const answer = await post(url, { messages, idempotency_key: key, wait: caller % 2 });
        if (answer.status === 202) accepted.push(key);
        else others.push(answer);
      }
    }
    const samples: { readonly atMs: number; readonly mib: number }[] = [];
    async function watch(): Promise<void> {
      while (!isOver()) {
        samples.push({ atMs: Date.now() - startedMs, mib: await rssMiB(api.child.pid ?? 0) });
        await sleep(SAMPLE_MS);
      }
    }
    await Promise.all([watch(), ...Array.from({ length: CALLERS }, (_, caller) => call(caller))]);

    const most = (from: number, to: number): number =>
      Math.max(...samples.filter(({ atMs }) => atMs >= from && atMs < to).map(({ mib }) => mib));
    expect(most(LOAD_MS - WARM_UP_MS, LOAD_MS)).toBeLessThan(most(0, WARM_UP_MS) + SWING_MIB);
    // A machine with no time left for Temporal is refused by its silence as well; nothing is ever lost by it.
    const codes = new Set(others.map((answer) => `${answer.status} ${errorOf(answer).code}`));
    expect([...codes].filter((code) => !REFUSALS.has(code))).toEqual([]);
    // How many more is a matter of the machine's speed; that there were more than places is the overload.
    const overloaded = others.filter((answer) => errorOf(answer).code === 'overloaded');
    expect(overloaded.length).toBeGreaterThan(ACCEPTING);
    const queue = accepted.values();
    const found: number[] = [];
    const read = async (): Promise<void> => {
      for (const id of queue) found.push((await get(url, `/v1/requests/${id}`)).status);
    };
    await Promise.all(Array.from({ length: ACCEPTING }, read));
    expect(found).toEqual(accepted.map(() => 200));
    await api.end('SIGTERM');
  },
);
