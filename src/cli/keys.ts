import { Command } from 'commander';
import { randomBytes } from 'node:crypto';
import { loadKeysSettings } from '../config.ts';
import { KeyKind } from '../keys/api-key.ts';
import { changeKeysFile, readKeysFile } from '../keys/change-keys-file.ts';
import { createKey, revokeKey } from '../keys/edit-keys.ts';
import type { Terminal } from './terminal.ts';

interface FileOption {
  readonly file?: string;
}

interface CreateOptions extends FileOption {
  readonly project: string;
  readonly test?: boolean;
  readonly signed?: boolean;
}

const FILE = ['--file <path>', 'the keys file (default: REQRUN_KEYS_FILE)'] as const;

/** Creates `reqrun keys`: creates, revokes and lists API keys in the keys file. */
export function keysCommand({ out, remark }: Terminal): Command {
  const { keysFile, allowPlainUpstream } = loadKeysSettings();
  const pathOf = ({ file }: FileOption): string => {
    const path = file ?? keysFile;
    if (path === null) throw new Error('Set REQRUN_KEYS_FILE, or give --file <path>.');
    return path;
  };
  const group = new Command('keys').description(
    'API keys of the projects. The file holds only their hashes.',
  );

  group
    .command('create')
    .description('create a key, and its project if that is new; the key is printed only once')
    .requiredOption('--project <name>', '1 to 20 of a-z, 0-9 and -')
    .option('--test', 'create a reqrun_test_ key')
    .option(
      '--signed',
      'calls with this key must be signed; the signing secret is printed only once, below the key',
    )
    .option(...FILE)
    .action(async ({ project, test = false, signed = false, ...where }: CreateOptions) => {
      const wanted = { project, kind: test ? KeyKind.test : KeyKind.live, signed, now: new Date() };
      const made = await changeKeysFile(
        pathOf(where),
        (file) => createKey(file, wanted, randomBytes),
        allowPlainUpstream,
      );
      const what = made.signingSecret === null ? 'it is' : 'it and its signing secret are';
      remark(`Key ${made.id} of project ${project}; ${what} shown only this once:`);
      out(made.key);
      if (made.signingSecret !== null) out(made.signingSecret);
    });

  group
    .command('revoke')
    .description('revoke a key; every process refuses it within 5 s')
    .argument('<key id>', 'as `list` shows it')
    .option(...FILE)
    .action(async (id: string, where: FileOption) => {
      await changeKeysFile(
        pathOf(where),
        (file) => ({ file: revokeKey(file, id, new Date()) }),
        allowPlainUpstream,
      );
      remark(`Key ${id} is revoked.`);
    });

  group
    .command('list')
    .description('list the keys by their ids; the keys themselves are not stored')
    .option(...FILE)
    .action(async (where: FileOption) => {
      const { keys } = await readKeysFile(pathOf(where), allowPlainUpstream);
      for (const { id, project, kind, signing, created_at, revoked_at } of keys) {
        const state = revoked_at === undefined ? 'in use' : `revoked ${revoked_at}`;
        const calls = signing === undefined ? [] : ['signed'];
        out([id, project, kind, created_at, state, ...calls].join('\t'));
      }
    });
  return group;
}
