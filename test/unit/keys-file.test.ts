import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, secretOf } from '../../src/config.ts';
import { changeKeysFile, readKeysFile } from '../../src/keys/change-keys-file.ts';
import { createKey, revokeKey, type CreatedKey } from '../../src/keys/edit-keys.ts';
import { createKeyRing } from '../../src/keys/key-ring.ts';
import { EMPTY_KEYS_FILE, parseKeysFile, type KeysFile } from '../../src/keys/keys-file.ts';
import { watchKeys } from '../../src/keys/watched-keys.ts';
import { until } from '../support/until.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reqrun-keys-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const NOW = new Date('2026-11-24T10:00:00.000Z');
const create = (file: KeysFile, project: string): CreatedKey =>
  createKey(file, { project, kind: 'live', now: NOW }, randomBytes);
const project = (entry: object): string => JSON.stringify({ projects: { billing: entry }, keys: [] });

describe('a keys file', () => {
  it('holds hashes only, and finds the project of a key until that is revoked', () => {
    const first = create(EMPTY_KEYS_FILE, 'billing');
    const second = create(first.file, 'billing');
    const text = JSON.stringify(second.file);
    expect(text).not.toContain(first.key.slice(12, 40));
    const ring = createKeyRing(parseKeysFile(text));
    expect([first.key, second.key].map((key) => ring.holderOf(key)?.project.name)).toEqual([
      'billing',
      'billing',
    ]);
    const revoked = createKeyRing(revokeKey(second.file, first.id, NOW));
    expect([first.key, second.key].map((key) => revoked.holderOf(key)?.project.name)).toEqual([
      undefined,
      'billing',
    ]);
  });

  it('allows a project two active keys, for rotation, and any number of revoked ones', () => {
    const first = create(EMPTY_KEYS_FILE, 'billing');
    const second = create(first.file, 'billing');
    expect(() => create(second.file, 'billing')).toThrow('revoke one first');
    const third = create(revokeKey(second.file, first.id, NOW), 'billing');
    expect(parseKeysFile(JSON.stringify(third.file)).keys).toHaveLength(3);
    const written = { ...third.file, keys: third.file.keys.map(({ revoked_at: _at, ...key }) => key) };
    expect(() => parseKeysFile(JSON.stringify(written))).toThrow('keys.2 is one more than the 2');
    expect(() => revokeKey(third.file, 'key_unknown', NOW)).toThrow('no key with this id');
  });

  it('is not misled by project names that every object knows', () => {
    const { file, key } = create(EMPTY_KEYS_FILE, 'constructor');
    const ring = createKeyRing(parseKeysFile(JSON.stringify(file)));
    expect(ring.holderOf(key)?.project).toMatchObject({ name: 'constructor', models: null });
    expect([ring.upstreamOf('constructor'), ring.upstreamOf('valueof')]).toEqual([null, undefined]);
  });

  it.each([
    ['no JSON', '{"projects": secret', 'it is not JSON'],
    ['a project twice', '{"projects": {"secret": {}, "secret": {}}, "keys": []}', 'the same member twice'],
    ['a misspelt limit', project({ limits: { in_fligth: 1 } }), 'projects.billing.limits'],
    ['a name that is none', JSON.stringify({ projects: { Billing: {} }, keys: [] }), 'projects.Billing'],
    [
      'plain http beyond loopback',
      project({ upstream: { base_url: 'http://secret.example.org/v1' } }),
      'must be https outside loopback (REQRUN_ALLOW_PLAIN_UPSTREAM=1',
    ],
    [
      'a URL with a password',
      project({ upstream: { base_url: 'https://u:secret@example.org' } }),
      'credentials',
    ],
    [
      'two places for one key',
      project({ upstream: { base_url: 'https://a.example', api_key_env: 'A', api_key_file: '/a' } }),
      'cannot stand beside',
    ],
    [
      'a key where its name belongs',
      project({ upstream: { base_url: 'https://a.example', api_key_env: 'sk-secret' } }),
      'must be the name',
    ],
  ])('with %s is refused, and the fault is told without what was written', (_what, text, fault) => {
    expect(() => parseKeysFile(text)).toThrow(fault);
    expect(() => parseKeysFile(text)).not.toThrow('secret');
  });

  it.each([
    'http://127.0.0.1:11434/v1',
    'http://localhost/v1',
    'http://[::1]:1/v1',
    'https://api.example/v1',
  ])('may name %s as an upstream', (base_url) => {
    const ring = createKeyRing(parseKeysFile(project({ upstream: { base_url, api_key_env: 'A_KEY' } })));
    expect(ring.upstreamOf('billing')).toMatchObject({
      baseURL: base_url,
      apiKeyEnv: 'A_KEY',
      apiKeyFile: null,
    });
  });

  it('may name an http upstream if the operator allows it, as in a container network', async () => {
    const base_url = 'http://ollama:11434/v1';
    const text = project({ upstream: { base_url } });
    expect(createKeyRing(parseKeysFile(text, true)).upstreamOf('billing')).toMatchObject({
      baseURL: base_url,
    });
    const withPassword = project({ upstream: { base_url: 'http://u:secret@ollama/v1' } });
    expect(() => parseKeysFile(withPassword, true)).toThrow('must not hold credentials');
    const path = join(directory, 'plain.json');
    await writeFile(path, text);
    const log = { info: () => undefined, error: () => undefined };
    await expect(watchKeys(path, false, log)).rejects.toThrow('REQRUN_ALLOW_PLAIN_UPSTREAM');
    const watched = await watchKeys(path, true, log);
    expect(watched.upstreamOf('billing')).toMatchObject({ baseURL: base_url });
    watched.stop();
    await expect(changeKeysFile(path, (file) => create(file, 'billing'))).rejects.toThrow('must be https');
    await changeKeysFile(path, (file) => create(file, 'billing'), true);
    expect((await readKeysFile(path, true)).keys).toHaveLength(1);
  });
});

describe('changing a keys file', () => {
  it('makes it readable by its owner alone and leaves nothing beside it', async () => {
    const path = join(directory, 'made.json');
    const { key } = await changeKeysFile(path, (file) => create(file, 'billing'));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).not.toContain(key.slice(12, 40));
    expect((await readdir(directory)).filter((name) => name.startsWith('made'))).toEqual(['made.json']);
  });

  it('changes nothing where the change is refused or the file has a fault', async () => {
    const path = join(directory, 'kept.json');
    await writeFile(path, '{"projects": {}, "keys": [], "more": 1}');
    await expect(changeKeysFile(path, (file) => create(file, 'billing'))).rejects.toThrow('cannot be used');
    expect(await readFile(path, 'utf8')).toContain('more');
    await writeFile(path, JSON.stringify(EMPTY_KEYS_FILE));
    await expect(changeKeysFile(path, (file) => create(file, 'No Name'))).rejects.toThrow('as its name');
    expect(await readKeysFile(path)).toEqual(EMPTY_KEYS_FILE);
  });

  it('loses neither of two changes at once: one that would is refused', async () => {
    const path = join(directory, 'twice.json');
    const made = await Promise.allSettled([
      changeKeysFile(path, (file) => create(file, 'a')),
      changeKeysFile(path, (file) => create(file, 'b')),
    ]);
    // The second may come after the first is done; what was answered as made is there.
    const fulfilled = made.filter(({ status }) => status === 'fulfilled');
    expect(fulfilled.length).toBeGreaterThan(0);
    expect((await readKeysFile(path)).keys).toHaveLength(fulfilled.length);
  });

  it('is refused while another change is in progress, and leaves that one alone', async () => {
    const path = join(directory, 'busy.json');
    await writeFile(`${path}.new`, 'half of another change');
    await expect(changeKeysFile(path, (file) => create(file, 'a'))).rejects.toThrow('in progress');
    expect(await readFile(`${path}.new`, 'utf8')).toBe('half of another change');
  });
});

describe('whose a changed keys file is', () => {
  it('stays as it was, so that a service under another user goes on reading it', async () => {
    const path = join(directory, 'theirs.json');
    await writeFile(path, JSON.stringify(EMPTY_KEYS_FILE));
    await chmod(path, 0o640);
    // Only root may give a file away.
    const owner = process.getuid?.() === 0 ? 1_000 : (process.getuid?.() ?? 0);
    if (owner === 1_000) await chown(path, owner, owner);
    await changeKeysFile(path, (file) => create(file, 'billing'));
    const { mode, uid, gid } = await stat(path);
    expect([mode & 0o777, uid]).toEqual([0o640, owner]);
    if (owner === 1_000) expect(gid).toBe(owner);
  });

  it('is changed where a symbolic link leads, and the link stays one', async () => {
    const [real, link] = [join(directory, 'real.json'), join(directory, 'link.json')];
    await writeFile(real, JSON.stringify(EMPTY_KEYS_FILE));
    await symlink(real, link);
    const { id } = await changeKeysFile(link, (file) => create(file, 'billing'));
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect((await readKeysFile(real)).keys.map((key) => key.id)).toEqual([id]);
  });

  it('is told in words where there is no directory for it', async () => {
    const path = join(directory, 'nowhere', 'keys.json');
    await expect(changeKeysFile(path, (file) => create(file, 'billing'))).rejects.toThrow(
      'There is no directory',
    );
  });
});

describe('a watched keys file', () => {
  it('is read again until it succeeds, so that no revocation is lost when file descriptors run out', async () => {
    const path = join(directory, 'flaky.json');
    const { id, key } = await changeKeysFile(path, (file) => create(file, 'billing'));
    let failures = 0;
    const told: object[] = [];
    const watched = await watchKeys(
      path,
      false,
      { info: () => undefined, error: (fields) => void told.push(fields) },
      async (file) => {
        if (failures > 0 && failures-- > 0) throw new Error('EMFILE');
        return readFile(file, 'utf8');
      },
    );
    failures = 2;
    await changeKeysFile(path, (file) => ({ file: revokeKey(file, id, new Date()) }));
    await until(
      () => watched.holderOf(key),
      (holder) => holder === null,
      10_000,
    );
    watched.stop();
    expect([failures, told]).toEqual([0, [{ why: 'it cannot be read' }]]);
  });

  it('takes up changes within 5 s, and keeps the last good state while the file has a fault or is gone', async () => {
    const path = join(directory, 'watched.json');
    const log: { level: string; why?: string }[] = [];
    const keys = watchKeys(path, false, {
      info: () => void log.push({ level: 'info' }),
      error: (fields) => void log.push({ level: 'error', ...fields }),
    });
    await expect(keys).rejects.toThrow('it is not there');
    const first = await changeKeysFile(path, (file) => create(file, 'billing'));
    const watched = await watchKeys(path, false, {
      info: () => void log.push({ level: 'info' }),
      error: (fields) => void log.push({ level: 'error', ...fields }),
    });
    const isKnown = (): boolean => watched.holderOf(first.key) !== null;
    const logged = (level: string, count: number): Promise<unknown> =>
      until(
        () => log.filter((line) => line.level === level).length,
        (seen) => seen === count,
        5_000,
      );
    expect(isKnown()).toBe(true);
    await writeFile(path, '{"keys": "secret"');
    await logged('error', 1);
    expect([isKnown(), JSON.stringify(log).includes('secret')]).toEqual([true, false]);
    await rm(path);
    await logged('error', 2);
    expect(isKnown()).toBe(true);
    await writeFile(path, JSON.stringify(revokeKey(first.file, first.id, NOW)));
    await until(isKnown, (known) => !known, 5_000);
    watched.stop();
  });
});

describe('the configuration', () => {
  it('lets the service listen beyond loopback where there are API keys', () => {
    expect(() => loadConfig({ HOST: '0.0.0.0' })).toThrow('REQRUN_KEYS_FILE');
    expect(loadConfig({ HOST: '0.0.0.0', REQRUN_KEYS_FILE: 'keys.json' }).keysFile).toBe('keys.json');
  });

  it('tells a secret by the name that the keys file has for it, and an empty one is none', () => {
    const env = { A_KEY: 'sk-a', EMPTY: '' };
    expect(['A_KEY', 'EMPTY', 'toString'].map((name) => secretOf(name, env))).toEqual(['sk-a', null, null]);
  });
});
