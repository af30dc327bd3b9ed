/** The blob store on a real S3 server, which the deployment reaches through a proxy that can fail. */
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BlobStore, BlobMissingError, BlobStoreError } from '../../src/blobs/blob-store.ts';
import { openS3Store } from '../../src/blobs/s3-store.ts';
import { errorOf, get, post, readRecord, remove, unique, untilRecord } from '../support/api.ts';
import { filesIn } from '../support/blob-files.ts';
import { type Deployment, startDeployment } from '../support/deployment.ts';
import { createS3Server, s3Environment, S3_BUILD_MS, type S3Server } from '../support/s3-server.ts';
import { ok, type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

const NEVER = new AbortController().signal;
const MEBIBYTE = 1024 * 1024;
const large = (bytes = MEBIBYTE): string => randomBytes((bytes * 3) / 4).toString('base64');

let server: S3Server;
let proxy: TcpProxy;
let upstream: ScriptedUpstream;
let deployment: Deployment;
beforeAll(async () => {
  server = await createS3Server();
  await server.start();
  proxy = await startTcpProxy(server.address);
  const aws = s3Environment(proxy.address);
  // The AWS SDK reads its variables itself.
  Object.assign(process.env, aws);
  upstream = await startScriptedUpstream();
  deployment = await startDeployment({
    upstreamURL: upstream.baseURL,
    env: { ...aws, REQRUN_BLOB_STORE: `s3://${server.bucket}/tests` },
  });
}, S3_BUILD_MS);
afterAll(async () => {
  await deployment.stop();
  await upstream.close();
  proxy.close();
  await server.remove();
});

describe('the store in a bucket', () => {
  const open = (bucket = server.bucket): BlobStore =>
    openS3Store({ bucket, prefix: 'store/', isOther: true });

  async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 1_000_000) yield bytes.subarray(at, at + 1_000_000);
  }
  async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of source) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
  async function names(store: BlobStore, prefix: string): Promise<string[]> {
    const found: string[] = [];
    for await (const { name } of store.list(prefix)) found.push(name);
    return found;
  }

  it.each([0, 1_000, 8 * MEBIBYTE, 20 * MEBIBYTE + 1])('keeps %i bytes', async (size) => {
    const store = open();
    const bytes = randomBytes(size);
    await store.put('default/a/body-1', pieces(bytes), NEVER);
    expect((await collect(store.get('default/a/body-1', NEVER))).equals(bytes)).toBe(true);
    expect(await names(store, 'default/a/')).toEqual(['default/a/body-1']);
    await store.delete('default/a/body-1');
    await store.delete('default/a/body-1');
    await expect(collect(store.get('default/a/body-1', NEVER))).rejects.toThrow(BlobMissingError);
    expect(await names(store, 'default/')).toEqual([]);
  });

  it('has nothing of a put that breaks off in its second part', async () => {
    const store = open();
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield randomBytes(9 * MEBIBYTE);
      throw new Error('the source broke');
    }
    await expect(store.put('default/b/body-1', broken(), NEVER)).rejects.toThrow(BlobStoreError);
    expect(await names(store, 'default/b/')).toEqual([]);
  });

  it('does not take a missing bucket for a missing blob', async () => {
    const store = open('no-such-bucket');
    await expect(collect(store.get('default/a/body-1', NEVER))).rejects.toThrow(BlobStoreError);
    await expect(store.put('default/a/body-1', pieces(Buffer.from('x')), NEVER)).rejects.toThrow(
      BlobStoreError,
    );
  });
});

describe('a deployment with it', () => {
  const files = (key: string): Promise<string[]> => filesIn(join(server.directory, 'tests'), key);

  it('completes large bodies with large results, and deletes both', async () => {
    const { url } = deployment;
    const key = unique('s3');
    const [question, content] = [large(12 * MEBIBYTE), large(9 * MEBIBYTE)];
    upstream.script(key, ok(content));
    const call = { model: key, messages: [{ role: 'user', content: question }], idempotency_key: key };
    const answer = await post(url, { ...call, wait: 30 });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain(content);
    expect(upstream.hits(key)[0]?.body).toContain(question);
    expect((await get(url, `/v1/requests/${key}`)).text).toContain(content);
    expect(await files(key)).toHaveLength(2);
    expect((await remove(url, key)).status).toBe(200);
    await until(
      () => files(key),
      (left) => left.length === 0,
    );
  });

  it('refuses large bodies while it is down, takes small ones, and the key is free', async () => {
    const { url } = deployment;
    const key = unique('down');
    const call = { model: key, messages: [{ role: 'user', content: large() }], idempotency_key: key };
    await proxy.refuse(true);
    const refused = await post(url, { ...call, wait: 30 });
    expect([refused.status, errorOf(refused).code]).toEqual([503, 'blob_store_unavailable']);
    expect(refused.headers.get('x-should-retry')).toBe('true');
    expect((await post(url, { model: unique('small'), wait: 20 })).status).toBe(200);
    expect((await get(url, `/v1/requests/${key}`)).status).toBe(404);
    await proxy.refuse(false);
    expect((await post(url, { ...call, wait: 30 })).status).toBe(200);
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('stores a result as soon as it can, and calls once', async () => {
    const { url } = deployment;
    const key = unique('result');
    upstream.script(key, { ...ok(large()), onCall: () => void proxy.refuse(true) });
    await post(url, { model: key, idempotency_key: key });
    await upstream.untilHits(key, 1);
    const meanwhile = await readRecord(url, key);
    expect(meanwhile).toMatchObject({ status: 'processing', attempts: 1 });
    await proxy.refuse(false);
    const record = await untilRecord(url, key, ({ terminal }) => terminal, 40_000);
    expect(record).toMatchObject({ status: 'completed', attempts: 1, unknown_attempts: 0 });
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('keeps an attempt waiting for its body while the store is down, and counts none', async () => {
    const { url } = deployment;
    const key = unique('body');
    const call = { model: key, messages: [{ role: 'user', content: large() }], idempotency_key: key };
    const at = new Date(Date.now() + 2_000).toISOString();
    expect((await post(url, { ...call, reqrun: { run_at: at } })).status).toBe(202);
    await proxy.refuse(true);
    await untilRecord(
      url,
      key,
      ({ waiting_reason: why }) => why === 'the blob store does not answer',
      40_000,
    );
    expect(await readRecord(url, key)).toMatchObject({ status: 'queued', attempts: 0 });
    await proxy.refuse(false);
    const record = await untilRecord(url, key, ({ terminal }) => terminal, 40_000);
    expect(record).toMatchObject({ status: 'completed', attempts: 1, unknown_attempts: 0 });
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('waits for a slow store, and does not refuse what the store takes in time', async () => {
    const { url } = deployment;
    const key = unique('slow');
    proxy.delay(500);
    upstream.script(key, ok(large()));
    const call = { model: key, messages: [{ role: 'user', content: large() }], idempotency_key: key };
    const answer = await post(url, { ...call, wait: 60 });
    proxy.delay(0);
    expect(answer.status).toBe(200);
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('names a result that is missing, cut or altered, and never calls again for it', async () => {
    const { url } = deployment;
    const damage: readonly ((path: string) => Promise<void>)[] = [
      (path) => rm(path),
      (path) => writeFile(path, 'x'),
    ];
    for (const harm of damage) {
      const key = unique('harmed');
      upstream.script(key, ok(large(3 * MEBIBYTE)));
      const call = { model: key, idempotency_key: key, wait: 30 };
      expect((await post(url, call)).status).toBe(200);
      const [file = ''] = await files(key);
      await harm(join(server.directory, 'tests', file));
      for (const answer of [await get(url, `/v1/requests/${key}`), await post(url, call)]) {
        expect([answer.status, errorOf(answer).code]).toEqual([500, 'blob_unreadable']);
        expect(answer.headers.get('x-should-retry')).toBe('false');
      }
      expect(await readRecord(url, key, '?result=false')).toMatchObject({ status: 'completed', attempts: 1 });
      expect(upstream.hits(key)).toHaveLength(1);
    }
  });
});
