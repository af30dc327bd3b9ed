/** Rows 12, 16 and 32: what the machine runs out of. Linux; the disk's row mounts a small one and needs root. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { get, post, unique, untilRecord } from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { freePort } from '../support/free-port.ts';
import { runEntryFile } from '../support/process.ts';
import { ok, startScriptedUpstream } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';

/** Writes until there is no room left, whoever else writes meanwhile. */
async function fill(path: string): Promise<void> {
  for (let bytes = 1_048_576; bytes >= 4_096;) {
    const isFull = await appendFile(path, Buffer.alloc(bytes)).then(
      () => false,
      () => true,
    );
    if (isFull) bytes /= 2;
  }
}

const isLinux = process.platform === 'linux';

it.skipIf(!isLinux || process.getuid?.() !== 0)(
  'row 16: acknowledges nothing while the disk is full, loses nothing, and goes on when there is room',
  async () => {
    const disk = await mkdtemp(join(tmpdir(), 'reqrun-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk]);
    const upstream = await startScriptedUpstream();
    const port = await freePort();
    const service = runEntryFile('src/main.ts', {
      PORT: String(port),
      REQRUN_DATA_DIR: join(disk, 'data'),
      REQRUN_TEMPORAL_PORT: String(await freePort()),
      REQRUN_TEMPORAL_UI_PORT: String(await freePort()),
      OPENAI_BASE_URL: upstream.baseURL,
    });
    try {
      await service.untilOutput('is ready', 60_000);
      const url = `http://127.0.0.1:${port}`;
      const acked: string[] = [];
      const refused: number[] = [];
      const send = async (): Promise<number> => {
        const key = unique('disk');
        const { status } = await post(url, { model: key, idempotency_key: key });
        if (status === 202) acked.push(key);
        else refused.push(status);
        return status;
      };
      for (let before = 0; before < 10; before += 1) await send();
      await fill(join(disk, 'ballast'));
      await until(send, () => refused.length >= 5, 120_000);
      const during = acked.length;
      await rm(join(disk, 'ballast'));
      await until(send, (status) => status === 202, 120_000);
      for (const key of acked) await untilRecord(url, key, ({ status }) => status === 'completed', 60_000);
      process.stdout.write(
        `disk full: ${during} acknowledged by then, refused with ${[...new Set(refused)].join(', ')}\n`,
      );
      expect([...new Set(refused)]).toEqual([503]);
      expect(acked.filter((key) => upstream.hits(key).length === 0)).toEqual([]);
    } finally {
      await service.end('SIGTERM');
      await upstream.close();
      execFileSync('umount', ['-l', disk]);
      await rm(disk, { recursive: true, force: true });
    }
  },
);

it.skipIf(!isLinux)(
  'row 32: outlives a crowd that takes all its open files, and answers as it leaves',
  async () => {
    const upstream = await startScriptedUpstream();
    const port = await freePort();
    const api = runEntryFile(
      'src/api.ts',
      { PORT: String(port), TEMPORAL_ADDRESS: inject('temporalAddress'), REQRUN_TASK_QUEUE: unique('fd') },
      { openFiles: 256 },
    );
    await api.untilOutput('"ready"');
    const url = `http://127.0.0.1:${port}`;
    const before = unique('before');
    expect((await post(url, { model: before, idempotency_key: before })).status).toBe(202);
    const crowd = Array.from({ length: 400 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    await Promise.all(crowd.map((socket) => once(socket, 'connect').catch(() => undefined)));
    const openFiles = Number(execFileSync('sh', ['-c', `ls /proc/${api.child.pid}/fd | wc -l`]).toString());
    expect(openFiles).toBeGreaterThan(240);
    for (const socket of crowd) socket.destroy();
    const answer = await until(
      () => get(url, `/v1/requests/${before}`).catch(() => null),
      (read) => read?.status === 200,
    );
    expect(answer?.text).toContain(before);
    expect(api.child.exitCode).toBeNull();
    await api.end('SIGTERM');
    await upstream.close();
  },
);

it.skipIf(!isLinux)('row 12: a worker that runs out of memory takes no request with it', async () => {
  const upstream = await startScriptedUpstream();
  const deployment = await startDeployment({
    upstreamURL: upstream.baseURL,
    together: false,
    worker: false,
    env: { REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '2' },
  });
  const small = runEntryFile('src/worker.ts', {
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    REQRUN_TASK_QUEUE: deployment.taskQueue,
    OPENAI_BASE_URL: upstream.baseURL,
    NODE_OPTIONS: `--max-old-space-size=128 --import=${new URL('../support/exhaust-memory.ts', import.meta.url).href}`,
  });
  await small.untilOutput('"ready"');
  const keys = Array.from({ length: 60 }, () => unique('in-flight'));
  for (const key of keys) upstream.script(key, { stall: 'headers' }, ok('again'));
  for (const key of keys) await post(deployment.url, { model: key, idempotency_key: key });
  for (const key of keys) await upstream.untilHits(key, 1);
  const ended = once(small.child, 'exit');
  small.child.kill('SIGUSR2');
  const [exitCode, signal] = await ended;
  process.stdout.write(`the worker ended with ${String(exitCode ?? signal)}\n`);
  expect(small.output()).toContain('JavaScript heap out of memory');
  await deployment.startWorker();
  for (const key of keys) {
    const record = await untilRecord(deployment.url, key, ({ terminal }) => terminal, 120_000);
    expect(record.status).toBe('completed');
    expect(upstream.hits(key).length).toBeLessThanOrEqual(record.attempts);
    expect(record.unknown_attempts).toBe(record.attempts - 1);
  }
  await deployment.stop();
  await upstream.close();
});
