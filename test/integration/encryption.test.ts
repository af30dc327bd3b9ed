/** End to end on the real Temporal server: requests whose payloads are encrypted, and what Temporal holds of them. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES, MAX_RESPONSE_BYTES } from '../../src/domain/raw-json.ts';
import { act, errorOf, get, post, readRecord, remove, unique, untilRecord } from '../support/api.ts';
import { type Deployment, startDeployment, type DeploymentOptions } from '../support/deployment.ts';
import { foundInDatabase, newKey, storedOf } from '../support/encryption.ts';
import { resetRun } from '../support/reset-run.ts';
import { completion, ok, overloaded } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const KEYS = { REQRUN_ENCRYPTION_KEYS: newKey('first') };
const { upstream, deployment, url } = await useDeployment({
  env: { ...KEYS, REQRUN_MAX_BODY_BYTES: String(MAX_BODY_BYTES), REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '2' },
  maxResponseBytes: MAX_RESPONSE_BYTES,
});
const { client } = deployment;
const plain = await startDeployment({ upstreamURL: upstream.baseURL });
afterAll(() => plain.stop());

const terminal = ({ terminal }: { terminal: boolean }): boolean => terminal;

describe('an encrypted request whose texts are in the blob store', () => {
  it('is readable and completes under a new key, as long as the old one is in the list', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'reqrun-sealed-'));
    const [older, newer] = [newKey('older'), newKey('newer')];
    const startWith = (keys: string): Promise<Deployment> =>
      startDeployment({
        upstreamURL: upstream.baseURL,
        env: { REQRUN_BLOB_STORE: `file:${directory}`, REQRUN_ENCRYPTION_KEYS: keys },
      });
    const before = await startWith(older);
    const key = unique('sealed');
    const [question, answer] = ['q', 'a'].map((letter) => letter.repeat(400_000));
    upstream.script(key, { answer: 400, body: {} }, ok(answer));
    const messages = [{ role: 'user', content: question }];
    expect((await post(before.url, { model: key, messages, idempotency_key: key, wait: 20 })).status).toBe(
      400,
    );
    await before.stop();
    const after = await startWith(`${newer},${older}`);
    await act(after.url, key, 'retry');
    expect(await untilRecord(after.url, key, terminal)).toMatchObject({ status: 'completed' });
    expect((await get(after.url, `/v1/requests/${key}`)).text).toContain(answer);
    await after.stop();
    const without = await startWith(newer);
    // The result was sealed with the new key.
    expect((await get(without.url, `/v1/requests/${key}`)).text).toContain(answer);
    await without.stop();
    await rm(directory, { recursive: true });
  });
});

describe('an encrypted request', () => {
  it('completes with the very bytes of the upstream, which a replay and the record have as well', async () => {
    const key = unique('enc-completed');
    const body = { ...completion(), n: 1 };
    upstream.script(key, { answer: 200, body });
    const first = await post(url, { model: key, idempotency_key: key, wait: 20 });
    const replay = await post(url, { model: key, idempotency_key: key, wait: 20 });
    expect([first.status, replay.status, replay.headers.get('idempotent-replayed')]).toEqual([
      200,
      200,
      'true',
    ]);
    expect([first.text, replay.text]).toEqual([JSON.stringify(body), JSON.stringify(body)]);
    expect(await readRecord(url, key)).toMatchObject({ status: 'completed', attempts: 1, result: body });
    const reused = await post(url, { model: key, idempotency_key: key, seed: 7 });
    expect([reused.status, errorOf(reused).code]).toEqual([422, 'idempotency_key_reused']);
  });

  it('keeps the journal of its attempts through heartbeats, failures and its result', async () => {
    const key = unique('enc-retried');
    const refusal = { answer: 429, headers: { 'retry-after': '1' }, body: {} };
    upstream.script(key, { ...refusal, afterMs: 1_500 }, refusal, ok('third'));
    await post(url, { model: key, idempotency_key: key });
    const retrying = await untilRecord(
      url,
      key,
      ({ status, attempts }) => status === 'retrying' && attempts === 1,
    );
    expect(retrying).toMatchObject({ last_error_code: 'upstream_rate_limited' });
    const record = await untilRecord(url, key, terminal);
    expect(record).toMatchObject({ status: 'completed', attempts: 3, unknown_attempts: 0 });
    expect(record.attempt_log.map(({ upstream_status }) => upstream_status)).toEqual([429, 429, 200]);
  });

  it('fails with the upstream’s identifiers, runs again by hand and is deleted', async () => {
    const key = unique('enc-failed');
    upstream.script(key, { answer: 400, body: { error: { code: 'bad_thing' } } }, ok('second'));
    const failed = await post(url, { model: key, idempotency_key: key, wait: 20 });
    expect([failed.status, errorOf(failed).code]).toEqual([400, 'bad_thing']);
    await act(url, key, 'retry');
    const record = await untilRecord(url, key, terminal);
    expect(record).toMatchObject({ status: 'completed', run: 2, attempts: 2 });
    expect(record.attempt_log[0]).toMatchObject({ status: 'failed', upstream_status: 400 });
    expect((await remove(url, key)).status).toBe(200);
    await until(
      () => post(url, { model: key, idempotency_key: key, wait: 20 }),
      ({ status }) => status === 200,
    );
    expect(await readRecord(url, key)).toMatchObject({ run: 1, attempts: 1 });
  });

  it('is cancelled in a call and between two, and keeps its attempts', async () => {
    const [inCall, between] = [unique('enc-in-call'), unique('enc-between')];
    upstream.script(inCall, { stall: 'headers' });
    upstream.script(between, overloaded({ 'retry-after': '60' }));
    for (const key of [inCall, between]) await post(url, { model: key, idempotency_key: key });
    await upstream.untilHits(inCall, 1);
    await untilRecord(url, between, ({ status }) => status === 'retrying');
    for (const key of [inCall, between]) {
      expect((await act(url, key, 'cancel')).status).toBe(202);
      const record = await untilRecord(url, key, terminal);
      expect(record).toMatchObject({ status: 'cancelled', attempts: 1 });
      expect(record.attempt_log[0]?.status).toBe(key === inCall ? 'cancelled' : 'failed');
    }
  });

  it('goes on from its attempts after a reset in the UI', async () => {
    const key = unique('enc-reset');
    upstream.script(key, { answer: 400, body: {} }, ok('second'));
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    await resetRun(client, key);
    const done = await untilRecord(url, key, ({ status }) => status === 'completed');
    expect(done.attempt_log.map(({ status }) => status)).toEqual(['failed', 'succeeded']);
  });

  it('tells its story to a client that has the key', async () => {
    const key = unique('enc-told');
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    const handle = client.workflow.getHandle(key);
    expect(await (await handle.describe()).staticSummary()).toBe(`chat.completions · ${key}`);
    const { payloads } = (
      await client.workflowService.queryWorkflow({
        namespace: 'default',
        execution: { workflowId: key },
        query: { queryType: '__temporal_workflow_metadata' },
      })
    ).queryResult ?? { payloads: [] };
    expect(String(Buffer.from(payloads?.[0]?.metadata?.['encoding'] ?? []))).toBe('binary/encrypted');
    expect(JSON.stringify(await handle.query('__temporal_workflow_metadata'))).toContain('**Completed**');
  });
});

describe('what Temporal holds', () => {
  const CANARIES = ['canary-prompt', 'canary-user', 'canary-answer', 'canary-error'];
  /** Ours, from failures, the journal, the memo and stack traces. */
  const OURS = ['next attempt in', '"entries"', '"fingerprint"', '    at ', 'chat.completions'];

  /** Runs one request to its completion and one to its failure; resolves to all that Temporal had of them. */
  async function run(at: string, key: string): Promise<Buffer> {
    const [prompt, user, content, message] = CANARIES.map((name) => `${name}-${key}`);
    const limited = { answer: 429, headers: { 'retry-after': '1' }, body: { error: { message } } };
    upstream.script(key, { ...limited, afterMs: 1_200 }, ok(content), {
      answer: 400,
      body: { error: { message, code: 'bad_thing' } },
    });
    const body = { model: key, user, messages: [{ role: 'user', content: prompt }] };
    await post(at, { ...body, idempotency_key: key });
    await untilRecord(at, key, ({ status }) => status === 'retrying');
    const pending = await storedOf(client, key);
    await untilRecord(at, key, ({ status }) => status === 'completed');
    await post(at, { ...body, idempotency_key: `${key}-failed`, wait: 20 });
    await untilRecord(at, `${key}-failed`, ({ status }) => status === 'failed');
    return Buffer.concat([pending, await storedOf(client, key), await storedOf(client, `${key}-failed`)]);
  }

  it('holds no prompt, answer, upstream error or journal in history, describe, list or database file', async () => {
    const [open, sealed] = [unique('open'), unique('sealed')];
    const [plainText, cipherText] = [await run(plain.url, open), await run(url, sealed)];
    const canariesOf = (key: string): string[] => CANARIES.map((name) => `${name}-${key}`);
    const never = `canary-error-${open}`;
    // The same look finds all of it where payloads are not encrypted, but what is never stored at all.
    const readable = [...canariesOf(open), ...OURS].filter((text) => plainText.includes(text));
    expect(readable).toEqual([...canariesOf(open), ...OURS].filter((text) => text !== never));
    expect([...canariesOf(sealed), ...OURS].filter((text) => cipherText.includes(text))).toEqual([]);
    expect(await foundInDatabase(canariesOf(open))).toEqual(
      canariesOf(open).filter((text) => text !== never),
    );
    expect(await foundInDatabase(canariesOf(sealed))).toEqual([]);
    // What stays visible: id, model, and the type of a failure.
    expect(await foundInDatabase([sealed])).toEqual([sealed]);
    expect(cipherText.includes('upstream_rate_limited')).toBe(true);
  });
});

describe('what cannot be read', () => {
  it.each([
    ['plain text, under keys', () => [plain.url, url]],
    ['encrypted, without keys', () => [url, plain.url]],
  ])('is told as such, and neither tried again nor taken for another request: %s', async (_what, urls) => {
    const [writer = '', reader = ''] = urls();
    const key = unique('unreadable');
    await post(writer, { model: key, idempotency_key: key, wait: 20 });
    const path = `${reader}/v1/requests/${key}`;
    const answers = [
      await fetch(path),
      await fetch(`${path}/cancel`, { method: 'POST' }),
      await fetch(`${path}/retry`, { method: 'POST' }),
      await fetch(path, { method: 'DELETE' }),
    ].map(async (answer) => ({ status: answer.status, headers: answer.headers, text: await answer.text() }));
    for (const answer of [
      await post(reader, { model: key, idempotency_key: key }),
      ...(await Promise.all(answers)),
    ]) {
      expect([answer.status, errorOf(answer).code]).toEqual([500, 'payload_unreadable']);
      // Named in the log as well: an operator has to find its key.
      expect(answer.headers.get('x-request-id')).toBe(key);
      expect(answer.headers.get('x-should-retry')).toBe('false');
    }
    expect(await readRecord(writer, key)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  it('is not told of a stranger’s workflow, whose plain memo is nobody’s business', async () => {
    const workflowId = unique('stranger');
    await plain.client.workflow.start('any', {
      workflowId,
      taskQueue: 'nobody',
      memo: { reqrun: 'x', any: 1 },
    });
    const answer = await fetch(`${url}/v1/requests/${workflowId}`);
    expect(answer.status).toBe(404);
    const taken = await post(url, { idempotency_key: workflowId });
    expect([taken.status, errorOf(taken).code]).toEqual([409, 'idempotency_key_unavailable']);
    await plain.client.workflow.getHandle(workflowId).terminate();
  });
});

describe('a worker without the key', () => {
  const [mine, other] = [newKey('mine'), newKey('other')];

  async function onQueue(queue: string, keys: string, parts: Partial<DeploymentOptions> = {}) {
    const env = { REQRUN_TASK_QUEUE: queue, REQRUN_ENCRYPTION_KEYS: keys };
    return startDeployment({ upstreamURL: upstream.baseURL, together: false, ...parts, env });
  }

  it('fails no request: Temporal tries again until a worker has it', async () => {
    const [queue, key] = [unique('queue'), unique('enc-late-key')];
    const api = await onQueue(queue, mine, { worker: false });
    const wrong = await onQueue(queue, other);
    await post(api.url, { model: key, idempotency_key: key });
    const failed = await until(
      async () => (await api.client.workflow.getHandle(key).fetchHistory()).events ?? [],
      (events) => events.some((event) => event.workflowTaskFailedEventAttributes),
    );
    expect(failed.some((event) => event.workflowExecutionFailedEventAttributes)).toBe(false);
    expect(await readRecord(api.url, key)).toMatchObject({ status: 'queued', attempts: 0 });
    await wrong.stop();
    const right = await onQueue(queue, `${mine},${other}`);
    expect(await untilRecord(api.url, key, terminal, 40_000)).toMatchObject({ attempts: 1 });
    expect(upstream.hits(key)).toHaveLength(1);
    await right.stop();
    await api.stop();
  });

  it('makes no call for an attempt that it cannot read; the attempt is unknown, and another worker continues', async () => {
    const [queue, key] = [unique('queue'), unique('enc-lost-key')];
    upstream.script(key, overloaded({ 'retry-after': '3' }), ok('second'));
    const api = await onQueue(queue, mine, { worker: false });
    const first = await onQueue(queue, mine);
    await post(api.url, { model: key, idempotency_key: key });
    await untilRecord(api.url, key, ({ status }) => status === 'retrying');
    await first.stop();
    const wrong = await onQueue(queue, other);
    await until(
      async () => (await api.client.workflow.getHandle(key).describe()).raw.pendingActivities?.[0],
      (call) => call?.lastFailure?.applicationFailureInfo?.type === 'payload_unreadable',
    );
    await wrong.stop();
    const right = await onQueue(queue, mine);
    const record = await untilRecord(api.url, key, terminal, 40_000);
    expect(record).toMatchObject({ status: 'completed', unknown_attempts: 1, possible_duplicate: true });
    expect(record.attempt_log.map(({ status }) => status)).toEqual(['failed', 'interrupted', 'succeeded']);
    expect(upstream.hits(key)).toHaveLength(2);
    await right.stop();
    await api.stop();
  });
});

describe('sizes', () => {
  /** A chat completion of exactly so many bytes. */
  function bodyOf(bytes: number, model: string): string {
    const frame = JSON.stringify({
      model,
      messages: [{ role: 'user', content: '' }],
      wait: 30,
      idempotency_key: model,
    });
    const padding = 'x'.repeat(bytes - frame.length);
    return JSON.stringify({
      model,
      messages: [{ role: 'user', content: padding }],
      wait: 30,
      idempotency_key: model,
    });
  }

  it.each([-1, 0])('completes a body of the limit %i', async (more) => {
    const model = unique('size');
    const answer = await post(url, bodyOf(MAX_BODY_BYTES + more, model));
    expect(answer.status).toBe(200);
    expect(upstream.hits(model)).toHaveLength(1);
  });

  it('refuses a body of the limit + 1 before anything is started', async () => {
    const model = unique('size');
    const answer = await post(url, bodyOf(MAX_BODY_BYTES + 1, model));
    expect([answer.status, errorOf(answer).code]).toEqual([413, 'request_too_large']);
    expect((await fetch(`${url}/v1/requests/${model}`)).status).toBe(404);
  });

  it.each([
    [-1, 200, null],
    [0, 200, null],
    [1, 502, 'upstream_response_too_large'],
  ])('an upstream answer of the cap %i is answered with %i', async (more, status, code) => {
    const model = unique('answer-size');
    const frame = JSON.stringify(completion({ content: '' }));
    const content = 'y'.repeat(MAX_RESPONSE_BYTES + more - frame.length);
    upstream.script(model, { answer: 200, body: completion({ content }) });
    const answer = await post(url, { model, idempotency_key: model, wait: 30 });
    expect(answer.status).toBe(status);
    expect((await readRecord(url, model)).error?.code ?? null).toBe(code);
  });
});
