/** What the sweep deletes: blobs that no run names, and nothing else, and nothing that is young. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openFileStore } from '../../src/blobs/file-store.ts';
import { prefixOf, SETTLED_MS } from '../../src/blobs/request-blobs.ts';
import { createTextStore } from '../../src/blobs/text-store.ts';
import { sweepBlobs } from '../../src/temporal/worker/blob-sweep.ts';
import { get, post, readRecord, unique, untilRecord } from '../support/api.ts';
import { filesIn } from '../support/blob-files.ts';
import { ok } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const directory = mkdtempSync(join(tmpdir(), 'reqrun-sweep-'));
afterAll(() => rm(directory, { recursive: true, force: true }));
const store = await openFileStore(directory);
const texts = createTextStore(store, 'default', null);
const NEVER = new AbortController().signal;

/** What a process has left that was killed two hours before the deployment starts. */
const left = await leave(unique('left'), 'body');
const twoHoursAgo = new Date(Date.now() - 2 * SETTLED_MS);
await utimes(join(directory, left), twoHoursAgo, twoHoursAgo);
const { upstream, deployment, url } = await useDeployment({
  env: { REQRUN_BLOB_STORE: `file:${directory}` },
});
function large(): string {
  return randomBytes(300_000).toString('base64');
}
const call = (key: string): object => ({
  model: key,
  messages: [{ role: 'user', content: large() }],
  idempotency_key: key,
});

async function sweep(laterMs = SETTLED_MS + 60_000, client = deployment.client): Promise<number> {
  const log = { info: () => undefined, warn: () => undefined };
  return sweepBlobs({ client, store, now: () => Date.now() + laterMs, stopping: NEVER, log });
}

/** Stores a text that no run names, as a killed process leaves it. */
async function leave(key: string, kind: 'body' | 'result'): Promise<string> {
  const text = Buffer.from(large());
  const ref = await texts.refer(key, kind, text);
  await texts.put(key, ref, text, NEVER);
  return ref.blob;
}

it('is made by a worker at its start', async () => {
  await until(
    () => filesIn(directory),
    (files) => !files.includes(left),
  );
});

it('keeps what a run names, completed, failed or open, and deletes what none does', async () => {
  const [completed, failed, open, none] = ['completed', 'failed', 'open', 'none'].map(unique);
  if (completed === undefined || failed === undefined || open === undefined || none === undefined) return;
  upstream.script(completed, ok(large()));
  upstream.script(failed, { answer: 400, body: {} });
  upstream.script(open, { stall: 'headers' });
  for (const key of [completed, failed, open]) await post(url, call(key));
  await untilRecord(url, completed, ({ terminal }) => terminal);
  await untilRecord(url, failed, ({ terminal }) => terminal);
  await upstream.untilHits(open, 1);
  const kept = await filesIn(directory);
  const orphans = [
    await leave(none, 'body'),
    await leave(completed, 'result'),
    await leave(completed, 'body'),
  ];
  const ofOpen = await leave(open, 'result');
  const unfinished = `${prefixOf({ namespace: 'default', workflowId: failed })}.0123456789abcdef`;
  await writeFile(join(directory, unfinished), 'half a');

  expect(await sweep(0)).toBe(0);
  expect(await filesIn(directory)).toEqual([...kept, ...orphans, ofOpen, unfinished].sort());

  expect(await sweep()).toBe(orphans.length + 1);
  expect(await filesIn(directory)).toEqual([...kept, ofOpen].sort());
  expect((await get(url, `/v1/requests/${completed}`)).status).toBe(200);
  expect(await readRecord(url, open)).toMatchObject({ status: 'processing' });
  expect(await sweep()).toBe(0);
});

it('deletes the texts of a request that Temporal no longer knows', async () => {
  const key = unique('expired');
  await post(url, { ...call(key), wait: 30 });
  expect(await filesIn(directory, key)).toHaveLength(1);
  const { workflowService, options } = deployment.client;
  const execution = { workflowId: key };
  await workflowService.deleteWorkflowExecution({
    namespace: options.namespace,
    workflowExecution: execution,
  });
  await until(
    () => get(url, `/v1/requests/${key}`),
    ({ status }) => status === 404,
    60_000,
  );
  expect(await sweep(0)).toBe(0);
  expect(await sweep()).toBe(1);
  expect(await filesIn(directory, key)).toEqual([]);
}, 120_000);

it('keeps a blob whose request cannot be found out', async () => {
  const odd = 'default/abc/body-0123456789abcdef01234567';
  await mkdir(dirname(join(directory, odd)), { recursive: true });
  await writeFile(join(directory, odd), 'no first line');
  const moved = 'default/abd/body-0123456789abcdef01234567';
  await mkdir(dirname(join(directory, moved)), { recursive: true });
  await writeFile(
    join(directory, moved),
    '{"format":1,"namespace":"default","workflow_id":"x","key_id":null,"salt":null}\n',
  );
  await sweep();
  expect(await filesIn(directory)).toEqual(expect.arrayContaining([odd, moved]));
});
