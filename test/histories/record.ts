/**
 * Process entry: `node test/histories/record.ts <version>` runs requests of every kind on an embedded server and
 * keeps their histories in test/histories/<version>/. Run once for each released version of the workflows; what
 * it leaves is replayed by test/unit/replay.test.ts for ever.
 */
import { Client, Connection } from '@temporalio/client';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { act, post, postTo, remove, untilRecord } from '../support/api.ts';
import { freePort } from '../support/free-port.ts';
import { runEntryFile } from '../support/process.ts';
import { resetRun } from '../support/reset-run.ts';
import { ok, startScriptedUpstream } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';

const version = process.argv[2] ?? '';
if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error('which version?');
const folder = fileURLToPath(new URL(`./${version}/`, import.meta.url));
/** Stack traces in a history name it; where a history was recorded is nobody's business. */
const root = fileURLToPath(new URL('../../', import.meta.url));

const upstream = await startScriptedUpstream();
const dataDir = await mkdtemp(join(tmpdir(), 'reqrun-histories-'));
const temporalPort = await freePort();
const service = runEntryFile('src/main.ts', {
  PORT: String(await freePort()),
  REQRUN_DATA_DIR: dataDir,
  REQRUN_TEMPORAL_PORT: String(temporalPort),
  REQRUN_TEMPORAL_UI_PORT: String(await freePort()),
  REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '2',
  OPENAI_BASE_URL: upstream.baseURL,
});
await service.untilOutput('is ready');
const url = /API +(\S+)/.exec(service.output())?.[1] ?? '';
const connection = await Connection.connect({ address: `127.0.0.1:${temporalPort}` });
const client = new Client({ connection });

upstream.script('embeddings', {
  answer: 200,
  body: { object: 'list', data: [{ index: 0, embedding: [1] }] },
});
upstream.script('retried', { answer: 429, headers: { 'retry-after': '1' } }, ok());
upstream.script('failed', { answer: 400, body: {} });
upstream.script('cancelled-in-call', { stall: 'headers' });
upstream.script('cancelled-in-backoff', { answer: 503 });
upstream.script('out-of-time', { stall: 'headers' });
upstream.script('run-again', { answer: 400, body: {} }, ok());
upstream.script('reset', { answer: 400, body: {} }, ok());
const cancelled = ['cancelled-in-call', 'cancelled-in-backoff'];
const models = ['completed', 'retried', 'failed', ...cancelled, 'out-of-time', 'run-again', 'reset'];
for (const model of models) {
  const reqrun = { deadline_seconds: model === 'out-of-time' ? 2 : 600 };
  await post(url, { model, idempotency_key: model, reqrun });
}
await postTo(url, '/v1/embeddings', { model: 'embeddings', input: 'hi', idempotency_key: 'embeddings' });
await untilRecord(url, 'cancelled-in-backoff', ({ status }) => status === 'retrying');
await upstream.untilHits('cancelled-in-call', 1);
await untilRecord(url, 'run-again', ({ terminal }) => terminal);
await act(url, 'run-again', 'retry');
await untilRecord(url, 'reset', ({ terminal }) => terminal);
await resetRun(client, 'reset');
for (const model of cancelled) await client.workflow.getHandle(model).cancel();

await mkdir(folder, { recursive: true });
async function keep(name: string, history: History): Promise<void> {
  await writeFile(join(folder, `${name}.json`), historyToJSON(history).replaceAll(root, '/app/'));
}
for (const model of [...models, 'embeddings']) {
  await untilRecord(url, model, ({ terminal }) => terminal, 30_000);
  await keep(model, await client.workflow.getHandle(model).fetchHistory());
}
// A deletion leaves nothing behind: its history is read while it goes on.
await remove(url, 'completed');
await keep(
  'deletion',
  await until(
    () => client.workflow.getHandle('completed').fetchHistory(),
    ({ events }) => events?.some((event) => event.activityTaskScheduledEventAttributes) === true,
  ),
);
await connection.close();
await service.end('SIGTERM');
await upstream.close();
await rm(dataDir, { recursive: true });
