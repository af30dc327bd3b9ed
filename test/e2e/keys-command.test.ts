/** `npm run keys` as a process of its own, beside a service that is running. */
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { get } from '../support/api.ts';
import { bearer, makeKeysFile } from '../support/keys-file.ts';
import { runEntryFile } from '../support/process.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

// Each command is a process of its own, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 300_000 });

const keys = await makeKeysFile();
afterAll(() => keys.remove());
const { url } = await useDeployment({ env: { REQRUN_KEYS_FILE: keys.path } });

interface Said {
  readonly code: number | null;
  readonly all: string;
}

async function command(args: readonly string[], env: Record<string, string> = {}): Promise<Said> {
  const running = runEntryFile('src/cli/main.ts', env, { args: ['keys', ...args] });
  await once(running.child, 'close');
  return { code: running.child.exitCode, all: running.output() };
}
const onFile = { REQRUN_KEYS_FILE: keys.path };
const keyIn = ({ all }: Said): string => /^reqrun_\w+$/m.exec(all)?.[0] ?? '';
const idIn = ({ all }: Said): string => /key_[0-9a-f]+/.exec(all)?.[0] ?? '';
const untilStatus = (key: string, wanted: number): Promise<unknown> =>
  until(
    () => get(url, '/v1/requests/nothing', bearer(key)),
    ({ status }) => status === wanted,
    5_000,
  );

describe('npm run keys', () => {
  it('rotates a key of a running service without a restart and without a gap', async () => {
    const first = await command(['create', '--project', 'billing'], onFile);
    expect(first.code).toBe(0);
    expect(keyIn(first)).toMatch(/^reqrun_live_[0-9A-Za-z]{49}$/);
    await untilStatus(keyIn(first), 404);
    const second = await command(['create', '--project', 'billing', '--test'], onFile);
    expect(keyIn(second)).toMatch(/^reqrun_test_/);
    await untilStatus(keyIn(second), 404);
    // Both are good until the old one is revoked.
    await untilStatus(keyIn(first), 404);
    const third = await command(['create', '--project', 'billing'], onFile);
    expect([third.code, keyIn(third)]).toEqual([1, '']);
    expect(third.all).toContain('revoke one first');

    expect((await command(['revoke', idIn(first)], onFile)).code).toBe(0);
    await untilStatus(keyIn(first), 401);
    await untilStatus(keyIn(second), 404);
    const list = await command(['list'], onFile);
    expect(
      list.all
        .trim()
        .split('\n')
        .map((line) => line.split('\t')),
    ).toEqual([
      [idIn(first), 'billing', 'live', expect.any(String), expect.stringMatching(/^revoked 2/)],
      [idIn(second), 'billing', 'test', expect.any(String), 'in use'],
    ]);
    const kept = await readFile(keys.path, 'utf8');
    for (const said of [first, second]) {
      expect(list.all + kept).not.toContain(keyIn(said).slice(12));
    }
    expect((await stat(keys.path)).mode & 0o777).toBe(0o600);
  });

  it('makes a key whose calls must be signed, and shows key and signing secret this once, a line each', async () => {
    const path = join(keys.directory, 'signed.json');
    const made = await command(['create', '--project', 'signs', '--signed', '--file', path]);
    const [, key = '', secret = ''] = /^(reqrun_live_\w+)\n(reqrun_sign_\w+)$/m.exec(made.all) ?? [];
    expect([made.code, key.length, secret.length]).toEqual([0, 61, 61]);
    expect((await command(['list', '--file', path])).all).toMatch(/\tin use\tsigned$/m);
    const kept = await readFile(path, 'utf8');
    for (const shown of [key, secret]) expect(kept).not.toContain(shown.slice(12));
  });

  it('makes the file where there is none, named by an option', async () => {
    const path = join(keys.directory, 'another.json');
    const made = await command(['create', '--project', 'new', '--file', path]);
    expect(made.code).toBe(0);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
      projects: { new: {} },
      keys: [{ project: 'new', kind: 'live' }],
    });
  });

  it('judges the upstreams in the file as the service does, and names the way out', async () => {
    const path = join(keys.directory, 'plain.json');
    const upstream = { base_url: 'http://ollama:11434/v1' };
    await writeFile(path, JSON.stringify({ projects: { local: { upstream } }, keys: [] }));
    const create = ['create', '--project', 'local', '--file', path];
    const refused = await command(create);
    expect([refused.code, refused.all.includes('REQRUN_ALLOW_PLAIN_UPSTREAM=1')]).toEqual([1, true]);
    const env = { REQRUN_ALLOW_PLAIN_UPSTREAM: '1' };
    const made = await command(create, env);
    expect((await command(['list', '--file', path], env)).all).toContain(idIn(made));
    expect((await command(['revoke', idIn(made), '--file', path], env)).code).toBe(0);
  });

  it.each([
    ['no file', ['list'], 'REQRUN_KEYS_FILE', 1],
    ['no project', ['create', '--file', keys.path], '--project', 2],
    ['a name that is none', ['create', '--project', 'No Name', '--file', keys.path], '1 to 20 of a-z', 1],
    ['an unknown key', ['revoke', 'key_0', '--file', keys.path], 'no key with this id', 1],
  ])('says in a sentence what is wrong with %s', async (_what, args, words, exitCode) => {
    const { code, all } = await command(args);
    expect([code, all.includes(words), all.includes('at ')]).toEqual([exitCode, true, false]);
  });
});
