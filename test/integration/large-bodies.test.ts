/** Bodies and results that are larger than a payload of Temporal's: the blob store has them. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import proto from '@temporalio/proto';
import OpenAI from 'openai';
import { afterAll, describe, expect, it } from 'vitest';
import { INLINE_BYTES } from '../../src/domain/raw-json.ts';
import { act, errorOf, get, post, postTo, readRecord, remove, unique, untilRecord } from '../support/api.ts';
import { filesIn } from '../support/blob-files.ts';
import { openStream, textOf } from '../support/read-stream.ts';
import { ok } from '../support/scripted-upstream.ts';
import { chatStream } from '../support/stream-steps.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const directory = mkdtempSync(join(tmpdir(), 'reqrun-large-'));
afterAll(() => rm(directory, { recursive: true, force: true }));
const { upstream, deployment, url } = await useDeployment({
  env: { REQRUN_BLOB_STORE: `file:${directory}` },
});

const MEBIBYTE = 1024 * 1024;
/** As a photo in a data URL. */
const photo = (bytes: number): string => randomBytes((bytes * 3) / 4).toString('base64');
const message = (content: string): object => ({ messages: [{ role: 'user', content }] });
const sha = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('a large body', () => {
  it('goes upstream byte for byte, and Temporal has only its reference', async () => {
    const key = unique('photo');
    const seed = '9223372036854775807';
    const body = `{ "model":"${key}", "seed":${seed},"messages":[{"role":"user","content":"${photo(8 * MEBIBYTE)}"}]}`;
    const answer = await post(url, body, { 'idempotency-key': key, prefer: 'wait=30' });
    expect(answer.status).toBe(200);
    const [hit] = upstream.hits(key);
    expect(sha(hit?.body ?? '')).toBe(sha(body));
    expect(hit?.headers['content-length']).toBe(String(Buffer.byteLength(body)));
    expect(hit?.headers['transfer-encoding']).toBeUndefined();
    const history = await deployment.client.workflow.getHandle(key).fetchHistory();
    expect(proto.temporal.api.history.v1.History.encode(history).finish().byteLength).toBeLessThan(20_000);
    const payload = history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[1];
    const reference: unknown = JSON.parse(String(payload?.data));
    expect(reference).toEqual({
      blob: expect.stringMatching(/^default\/[0-9a-f]{64}\/body-[0-9a-f]{24}$/),
      sha256: sha(body),
      bytes: Buffer.byteLength(body),
    });
  });

  it('loses its own members only', async () => {
    const key = unique('own');
    const content = photo(2 * MEBIBYTE);
    const answer = await post(url, { model: key, ...message(content), wait: 30, idempotency_key: key });
    expect(answer.status).toBe(200);
    expect(JSON.parse(upstream.hits(key)[0]?.body ?? '')).toEqual({ model: key, ...message(content) });
  });

  it('is one request for every call with its key, and a different one is refused', async () => {
    const key = unique('same');
    const body = { model: key, ...message(photo(MEBIBYTE)), idempotency_key: key };
    const [first, second] = await Promise.all([
      post(url, { ...body, wait: 30 }),
      post(url, { ...body, wait: 30 }),
    ]);
    expect([first.status, second.status]).toEqual([200, 200]);
    const other = await post(url, { ...body, ...message(photo(MEBIBYTE)) });
    expect(errorOf(other).code).toBe('idempotency_key_reused');
    expect(upstream.hits(key)).toHaveLength(1);
    // The other two have deleted what they stored.
    await until(
      () => filesIn(directory, key),
      (files) => files.length === 1,
    );
  });

  it('leaves nothing in the store if it is refused', async () => {
    const before = await filesIn(directory);
    const large = photo(MEBIBYTE);
    expect((await post(url, { model: 'm', messages: large })).status).toBe(400);
    expect((await post(url, `{"a":"${large}","a":1}`)).status).toBe(400);
    expect((await post(url, { model: 'm', ...message(large), reqrun: { run_at: 1e9 } })).status).toBe(400);
    expect(await filesIn(directory)).toEqual(before);
  });

  it('that looks like a reference is sent as it is', async () => {
    const key = unique('looks-alike');
    const answer = await post(url, {
      model: key,
      blob: 'default/x/y',
      sha256: 'x',
      bytes: 1,
      idempotency_key: key,
      wait: 20,
    });
    expect(answer.status).toBe(200);
    expect(JSON.parse(upstream.hits(key)[0]?.body ?? '')).toMatchObject({ blob: 'default/x/y', bytes: 1 });
  });

  it('is sent again by every attempt and by a retry by hand', async () => {
    const key = unique('again');
    const body = { model: key, ...message(photo(3 * MEBIBYTE)) };
    upstream.script(key, { answer: 500, body: {} }, { answer: 400, body: {} }, ok('fine'));
    await post(url, { ...body, idempotency_key: key });
    await untilRecord(url, key, ({ status }) => status === 'failed');
    await act(url, key, 'retry');
    await untilRecord(url, key, ({ status }) => status === 'completed');
    expect(upstream.hits(key).map((hit) => sha(hit.body))).toEqual(Array(3).fill(sha(JSON.stringify(body))));
    expect(await filesIn(directory, key)).toHaveLength(1);
  });
});

describe('a large result', () => {
  it.each([true, false])(
    'reaches a held caller and every reader byte for byte (held: %s)',
    async (isHeld) => {
      const key = unique('image');
      const content = photo(5 * MEBIBYTE);
      upstream.script(key, ok(content));
      const call = { model: key, idempotency_key: key, wait: isHeld ? 30 : 0 };
      const held = await post(url, call);
      expect(held.status).toBe(isHeld ? 200 : 202);
      const record = await untilRecord(url, key, ({ terminal }) => terminal);
      expect(record).toMatchObject({ status: 'completed', attempts: 1, unknown_attempts: 0 });
      const again = await post(url, { ...call, wait: 30 });
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      if (isHeld) expect(sha(again.text)).toBe(sha(held.text));
      const whole = await get(url, `/v1/requests/${key}`);
      expect(whole.text.endsWith(`"result":${again.text}}`)).toBe(true);
      expect(whole.headers.get('content-length')).toBe(String(Buffer.byteLength(whole.text)));
      expect(again.text).toContain(content);
      const without = await readRecord(url, key, '?result=false');
      expect(without).toEqual({ ...record, result: null });
    },
  );

  it('of images.generations in base64 completes', async () => {
    const key = unique('images');
    const data = [{ b64_json: photo(3 * MEBIBYTE) }, { b64_json: photo(3 * MEBIBYTE) }];
    upstream.script(key, { answer: 200, body: { created: 1, data } });
    const answer = await postTo(url, '/v1/images/generations', {
      model: key,
      prompt: 'a cat',
      wait: 30,
      idempotency_key: key,
    });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({ created: 1, data });
  });

  it('of responses has the id of the request in it', async () => {
    const key = unique('response');
    const text = photo(2 * MEBIBYTE);
    upstream.script(key, {
      answer: 200,
      body: { id: 'resp_1', object: 'response', status: 'completed', output: [], text },
    });
    const call = { model: key, input: photo(2 * MEBIBYTE), idempotency_key: key };
    const answer = await postTo(url, '/v1/responses', call);
    expect(JSON.parse(answer.text)).toMatchObject({ id: key, text });
    const read = await get(url, `/v1/responses/${key}`);
    expect(read.text).toBe(answer.text);
    const items = await get(url, `/v1/responses/${key}/input_items`);
    expect(items.text).toContain(call.input);
  });

  it('with numbers that JSON lacks is a record that is JSON', async () => {
    const key = unique('nan');
    const filler = photo(MEBIBYTE);
    const body = `{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"${filler}"},"logprobs":NaN}]}`;
    upstream.script(key, { raw: rawJson(body) });
    const answer = await post(url, { model: key, idempotency_key: key, wait: 30 });
    expect(answer.text).toBe(body);
    const record = await get(url, `/v1/requests/${key}`);
    expect(JSON.parse(record.text)).toMatchObject({ result: { choices: [{ logprobs: null }] } });
  });

  it('is deleted with its request, and the body too', async () => {
    const key = unique('deleted');
    upstream.script(key, ok(photo(MEBIBYTE)));
    await post(url, { model: key, ...message(photo(MEBIBYTE)), idempotency_key: key, wait: 30 });
    expect(await filesIn(directory, key)).toHaveLength(2);
    expect((await remove(url, key)).status).toBe(200);
    await until(
      () => filesIn(directory, key),
      (files) => files.length === 0,
    );
  });
});

it('streams a large answer to a large body, replays it from the store, and names one that is altered', async () => {
  const key = unique('stream');
  const question = photo(3 * MEBIBYTE);
  const parts = Array.from({ length: 20 }, () => photo(100_000));
  upstream.script(key, { stream: chatStream(...parts) });
  const body = { model: key, ...message(question), idempotency_key: key };
  const path = '/v1/chat/completions';
  const live = await (await openStream(url, path, body)).rest();
  expect(textOf(live.events)).toBe(parts.join(''));
  expect(JSON.parse(upstream.hits(key)[0]?.body ?? '')).toMatchObject({ stream: true, ...message(question) });
  const again = await (await openStream(url, path, body)).rest();
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(textOf(again.events)).toBe(parts.join(''));
  expect(again.events.length).toBe(live.events.length);
  const result = (await filesIn(directory, key)).find((file) => file.includes('/result-')) ?? '';
  await truncate(join(directory, result), MEBIBYTE);
  const cut = await openStream(url, path, body);
  expect([cut.status, upstream.hits(key).length]).toEqual([500, 1]);
});

it('serves the official client: a photo in a data URL, and images in base64', async () => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
  const [chat, images] = [unique('sdk-photo'), unique('sdk-images')];
  const [data, image] = [photo(6 * MEBIBYTE), photo(7 * MEBIBYTE)];
  const image_url = { url: `data:image/png;base64,${data}` };
  const answered = await client.chat.completions.create(
    { model: chat, messages: [{ role: 'user', content: [{ type: 'image_url', image_url }] }] },
    { headers: { prefer: 'wait=30', 'idempotency-key': chat } },
  );
  expect(answered.choices).toHaveLength(1);
  expect(upstream.hits(chat)[0]?.body).toContain(data);
  upstream.script(images, { answer: 200, body: { created: 1, data: [{ b64_json: image }] } });
  const made = await client.images.generate(
    { model: images, prompt: 'a cat' },
    { headers: { prefer: 'wait=30', 'idempotency-key': images } },
  );
  expect(made.data?.[0]?.b64_json).toBe(image);
});

it('keeps a text of 256 KiB in Temporal', async () => {
  const key = unique('inline');
  const frame = JSON.stringify({ model: key, ...message('') });
  const body = JSON.stringify({ model: key, ...message('x'.repeat(INLINE_BYTES - frame.length)) });
  expect(body).toHaveLength(INLINE_BYTES);
  await post(url, body, { 'idempotency-key': key, prefer: 'wait=20' });
  expect(upstream.hits(key)).toHaveLength(1);
  expect(await filesIn(directory, key)).toEqual([]);
});

/** An answer with a body that JSON.stringify cannot write. */
function rawJson(body: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
