/** End to end on real processes: what a start says that cannot succeed, and its exit code. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { runEntryFile } from '../support/process.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reqrun-start-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function endOf(entry: string, env: Record<string, string>): Promise<[number | null, string]> {
  const started = runEntryFile(entry, { REQRUN_DATA_DIR: join(directory, 'data'), ...env });
  await once(started.child, 'close');
  const said = started.output();
  expect(said).not.toMatch(/^\s+at /m);
  return [started.child.exitCode, said];
}

const NO_ADDRESS = 'HOST does not resolve to an address (conda exports one such): set HOST=127.0.0.1';
const onServer = (): Record<string, string> => ({ TEMPORAL_ADDRESS: inject('temporalAddress') });

describe('a HOST that does not resolve', () => {
  it.each<[string, Record<string, string>]>([
    ['src/main.ts', {}],
    ['src/main.ts', { REQRUN_ALLOW_OPEN: '1' }],
    ['src/api.ts', { REQRUN_ALLOW_OPEN: '1' }],
  ])('is a fault of the configuration that says the way out: %s with %j', async (entry, env) => {
    for (const HOST of ['x86_64-conda-linux-gnu', 'a b', '[x]']) {
      const [code, said] = await endOf(entry, { HOST, ...env });
      expect([code, said.trim()]).toEqual([78, `The configuration has a fault:\n- ${NO_ADDRESS}`]);
    }
  });

  it('is nothing to a worker, which does not listen there', async () => {
    const keysFile = join(directory, 'keys.json');
    await writeFile(keysFile, '{"projects":{},"keys":[]}');
    const worker = runEntryFile('src/worker.ts', {
      ...onServer(),
      HOST: 'x86_64-conda-linux-gnu',
      REQRUN_KEYS_FILE: keysFile,
    });
    await worker.untilOutput('"msg":"ready"');
    await worker.end('SIGTERM');
  });
});

describe('a HOST that resolves', () => {
  it('may be an address in brackets', async () => {
    const api = runEntryFile('src/api.ts', { ...onServer(), HOST: '[::1]', PORT: '0' });
    await api.untilOutput('"msg":"ready"');
    expect(api.output()).toContain('"api":"http://[::1]:');
    await api.end('SIGTERM');
  });

  it('and is no address of this machine, or whose port is taken, is named with its variables', async () => {
    const env = { ...onServer(), REQRUN_ALLOW_OPEN: '1' };
    const [code, said] = await endOf('src/api.ts', { ...env, HOST: '192.0.2.1', PORT: '0' });
    expect([code, said]).toEqual([
      1,
      expect.stringContaining(
        'The API cannot listen on port 0 of 192.0.2.1 (EADDRNOTAVAIL): set PORT, or HOST',
      ),
    ]);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const PORT = String(address !== null && typeof address === 'object' ? address.port : 0);
    const [, second] = await endOf('src/api.ts', { ...env, PORT });
    taken.close();
    expect(second).toContain(`The API cannot listen on port ${PORT} of 127.0.0.1 (EADDRINUSE)`);
  });
});

describe('REQRUN_UPSTREAM_HEADERS_FILE', () => {
  it.each(['src/main.ts', 'src/worker.ts'])(
    'is a fault of the configuration where it cannot be used, before %s starts anything',
    async (entry) => {
      const path = join(directory, 'headers.json');
      await writeFile(path, '{"headers":{"api-key":{"env":"NOT_SET"},"Host":{"value":"x"}}}');
      const env = { ...onServer(), OPENAI_BASE_URL: 'https://api.example/v1' };
      const [code, said] = await endOf(entry, { ...env, REQRUN_UPSTREAM_HEADERS_FILE: path });
      expect([code, said]).toEqual([
        78,
        expect.stringContaining('REQRUN_UPSTREAM_HEADERS_FILE headers must not have host: it belongs'),
      ]);
    },
  );
});
