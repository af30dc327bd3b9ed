import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changeKeysFile } from '../../src/keys/change-keys-file.ts';
import { createKey, revokeKey, type CreatedKey } from '../../src/keys/edit-keys.ts';
import { parseKeysFile } from '../../src/keys/keys-file.ts';

/** A keys file of a test, changed as the command changes it. */
export interface TestKeys {
  readonly path: string;
  /** Its directory, for the files that hold upstreams' keys. */
  readonly directory: string;
  create(project: string): Promise<{ readonly id: string; readonly key: string }>;
  /** A key whose calls must be signed. */
  createSigned(
    project: string,
  ): Promise<{ readonly id: string; readonly key: string; readonly secret: string }>;
  revoke(id: string): Promise<unknown>;
  remove(): Promise<void>;
}

/** @param projects their entries, as an operator writes them */
export async function makeKeysFile(projects: Record<string, object> = {}): Promise<TestKeys> {
  const directory = await mkdtemp(join(tmpdir(), 'reqrun-keys-'));
  const path = join(directory, 'keys.json');
  const file = parseKeysFile(JSON.stringify({ projects, keys: [] }));
  await writeFile(path, JSON.stringify(file), { mode: 0o600 });
  const make = (project: string, signed: boolean): Promise<CreatedKey> =>
    changeKeysFile(path, (now) =>
      createKey(now, { project, kind: 'test', signed, now: new Date() }, randomBytes),
    );
  return {
    path,
    directory,
    create: (project) => make(project, false),
    createSigned: async (project) => {
      const { id, key, signingSecret } = await make(project, true);
      if (signingSecret === null) throw new Error('the key was made without a signing secret');
      return { id, key, secret: signingSecret };
    },
    revoke: (id) => changeKeysFile(path, (now) => ({ file: revokeKey(now, id, new Date()) })),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

export function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}
