/** Callers that ask and never read: the API is a process of its own, whose memory the system tells. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import { get, unique } from '../support/api.ts';
import { getText } from '../support/bad-input/bad-input.ts';
import { runEntryFile } from '../support/process.ts';
import { open } from '../support/raw-http.ts';
import { rssMiB } from '../support/rss.ts';

const CONNECTIONS = 12;
const REQUESTS = 1_500;
const LOAD_MS = 8_000;
const SAMPLE_MS = 100;
/** Of a heap that serves some hundred answers; all that were asked for would be a thousand. */
const SWING_MIB = 80;

it.skipIf(process.platform !== 'linux')(
  'keeps no answers that nobody reads, however many a connection asks for, and answers all others meanwhile',
  async () => {
    const api = runEntryFile('src/api.ts', {
      PORT: '0',
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      REQRUN_TASK_QUEUE: unique('nobody'),
    });
    await api.untilOutput('"ready"');
    const pid = api.child.pid ?? 0;
    const url = /"api":"([^"]+)"/.exec(api.output())?.[1] ?? '';
    for (let call = 0; call < 200; call += 1) await get(url, '/openapi.json');
    const beforeMiB = await rssMiB(pid);

    const flood = getText('/openapi.json').toString().repeat(REQUESTS);
    const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(url)));
    for (const socket of sockets) {
      socket.on('error', () => undefined).pause();
      socket.write(flood);
    }
    const untilMs = Date.now() + LOAD_MS;
    let mostMiB = 0;
    while (Date.now() < untilMs) {
      expect((await get(url, '/healthz')).status).toBe(200);
      mostMiB = Math.max(mostMiB, await rssMiB(pid));
      await sleep(SAMPLE_MS);
    }
    expect(mostMiB).toBeLessThan(beforeMiB + SWING_MIB);
    for (const socket of sockets) socket.destroy();
    await api.end('SIGTERM');
  },
);
