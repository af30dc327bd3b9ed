/** The blob store on a disk that is full or read-only. Linux: a small disk is mounted, which needs root. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorOf, get, post, unique, untilRecord } from '../support/api.ts';
import { filesIn } from '../support/blob-files.ts';
import { type Deployment, startDeployment } from '../support/deployment.ts';
import { ok, type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

const MEBIBYTE = 1024 * 1024;
const large = (): string => randomBytes(MEBIBYTE).toString('base64');
const canMount = process.platform === 'linux' && process.getuid?.() === 0;
const disk = mkdtempSync(join(tmpdir(), 'reqrun-small-disk-'));
const directory = join(disk, 'blobs');
const ballast = join(disk, 'ballast');

/** Ways in which the disk takes nothing more, and how it does again. */
const FAULTS = {
  full: {
    begin: () => writeFile(ballast, Buffer.alloc(16 * MEBIBYTE)).catch(() => undefined),
    end: () => rm(ballast),
  },
  'read-only': {
    begin: async () => void execFileSync('mount', ['-o', 'remount,ro', disk]),
    end: async () => void execFileSync('mount', ['-o', 'remount,rw', disk]),
  },
} as const;

describe.skipIf(!canMount).each(['full', 'read-only'] as const)('a disk that is %s', (what) => {
  const { begin, end } = FAULTS[what];
  let upstream: ScriptedUpstream;
  let deployment: Deployment;
  beforeAll(async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]);
    upstream = await startScriptedUpstream();
    const env = { REQRUN_BLOB_STORE: `file:${directory}` };
    deployment = await startDeployment({ upstreamURL: upstream.baseURL, env });
  });
  afterAll(async () => {
    await deployment.stop();
    await upstream.close();
    execFileSync('umount', ['-l', disk]);
  });

  it('refuses a large body, leaves nothing of it, and takes small ones', async () => {
    const { url } = deployment;
    const key = unique('refused');
    const call = { model: key, messages: [{ role: 'user', content: large() }], idempotency_key: key };
    await begin();
    const refused = await post(url, { ...call, wait: 30 });
    expect([refused.status, errorOf(refused).code]).toEqual([503, 'blob_store_unavailable']);
    expect((await post(url, { model: unique('small'), wait: 30 })).status).toBe(200);
    expect((await get(url, `/v1/requests/${key}`)).status).toBe(404);
    expect(await filesIn(directory, key)).toEqual([]);
    await end();
    expect((await post(url, { ...call, wait: 30 })).status).toBe(200);
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('makes a large result wait, which is paid for once', async () => {
    const { url } = deployment;
    const key = unique('result');
    const begun = Promise.withResolvers<unknown>();
    upstream.script(key, { ...ok(large()), after: begun.promise });
    await post(url, { model: key, idempotency_key: key });
    await upstream.untilHits(key, 1);
    await begin();
    begun.resolve(null);
    await untilRecord(url, key, ({ status }) => status === 'processing');
    expect(await filesIn(directory, key)).toEqual([]);
    await end();
    const record = await untilRecord(url, key, ({ terminal }) => terminal, 40_000);
    expect(record).toMatchObject({ status: 'completed', attempts: 1, unknown_attempts: 0 });
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('fails a request whose result it never takes by the deadline, and names the answer lost', async () => {
    const { url } = deployment;
    const key = unique('never');
    const begun = Promise.withResolvers<unknown>();
    upstream.script(key, { ...ok(large()), after: begun.promise });
    await post(url, { model: key, idempotency_key: key, reqrun: { deadline_seconds: 4 } });
    await upstream.untilHits(key, 1);
    await begin();
    begun.resolve(null);
    const record = await untilRecord(url, key, ({ terminal }) => terminal, 40_000);
    await end();
    expect(record).toMatchObject({ status: 'failed', attempts: 1, unknown_attempts: 1 });
    expect(record.error?.code).toBe('result_not_stored');
    expect(record.attempt_log[0]).toMatchObject({ outcome: 'lost', billed: 'yes', status: 'failed' });
    expect(upstream.hits(key)).toHaveLength(1);
  });
});
