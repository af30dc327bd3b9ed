/** Unit tests: what the processes that we start are given of our environment; the executables are shell scripts. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { binarySources } from '../../src/dev-server/find-binary.ts';
import { buildWithGo } from '../../src/dev-server/go-build.ts';
import { childEnv, runGroup } from '../../src/dev-server/run-command.ts';

const NO_PROXIES = { https: null, http: null, exceptions: '' };

/** Whatever holds a secret here, also under names that look like Go's, a proxy's or npm's. */
const SECRETS = {
  OPENAI_API_KEY: 'canary-1',
  REQRUN_ENCRYPTION_KEYS: 'canary-2',
  REQRUN_CODEC_TOKEN: 'canary-3',
  TEMPORAL_API_KEY: 'canary-4',
  BILLING_KEY: 'canary-5',
  GOOGLE_API_KEY: 'canary-6',
  GOOGLEKEY: 'canary-7',
  MY_PROXY: 'canary-8',
  npm_config__authToken: 'canary-9',
  NODE_OPTIONS: '--title=canary-10',
  XDGKEY: 'canary-11',
};
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reqrun-child-env-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const env = (): Record<string, string> => ({ ...SECRETS, PATH: `${dir}:/usr/bin:/bin`, HOME: dir });
/** An executable that writes its environment down before it does what it is asked to. */
async function script(name: string, body = ''): Promise<{ path: string; written: () => Promise<string> }> {
  const path = join(dir, name);
  const written = `${path}-env`;
  await writeFile(path, `#!/bin/sh\nenv >> ${written}\n${body}\n`);
  await chmod(path, 0o755);
  return { path, written: () => readFile(written, 'utf8') };
}

describe('a process that we start', () => {
  it('is given no secret, whatever name that has, because it has no use for one', async () => {
    expect(childEnv({ ...SECRETS, PATH: '/bin' })).toEqual({ PATH: '/bin' });
  });

  it('is given what it needs to start, to reach the network from here and to build', () => {
    const needed = {
      PATH: '/bin',
      HOME: '/home/a',
      XDG_CACHE_HOME: '/c',
      TMPDIR: '/t',
      LANG: 'C.UTF-8',
      LC_ALL: 'C',
      HTTPS_PROXY: 'http://proxy:1',
      https_proxy: 'http://proxy:1',
      no_proxy: 'localhost',
      SSL_CERT_FILE: '/certs',
      NODE_EXTRA_CA_CERTS: '/ca',
      GOPROXY: 'off',
      GOFLAGS: '-mod=mod',
      GOMODCACHE: '/m',
      CGO_ENABLED: '0',
      // As Windows writes them.
      Path: 'C:',
      SystemRoot: 'C:',
    };
    expect(childEnv(needed)).toEqual(needed);
  });

  it.each(['temporal', 'temporal-1.8.2'])(
    'is given no secret where it is asked for its version: %s',
    async (name) => {
      const { path, written } = await script(
        name,
        'echo "temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)"',
      );
      const sources = binarySources({
        cacheDir: dir,
        progress: () => undefined,
        env: env(),
        cliUrl: null,
        proxies: NO_PROXIES,
      });
      const [onPath, cached] = sources;
      expect(await (name === 'temporal' ? onPath : cached)?.find()).toEqual({ path });
      expect(await written()).toContain(`HOME=${dir}`);
      expect(await written()).not.toContain('canary');
    },
  );

  it('is given no secret where it builds, nor where it downloads: a command that takes minutes', async () => {
    const { written } = await script(
      'go',
      'case $1 in version) echo "go version go1.26.8 x";; *) printf built > "$6";; esac',
    );
    const path = join(dir, 'built');
    expect(await buildWithGo(path, { env: env(), progress: () => undefined })).toEqual({ path });
    expect(await written()).toContain('CGO_ENABLED=0');
    const long = await script('long');
    const { signal } = new AbortController();
    expect(await runGroup({ command: long.path, args: [], cwd: dir, env: env(), signal })).toBe(null);
    expect(await long.written()).toContain(`HOME=${dir}`);
    expect((await written()) + (await long.written())).not.toContain('canary');
  });
});
