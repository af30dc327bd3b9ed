import type { KeyKind } from './api-key.ts';
import { hashApiKey, newApiKey } from './api-key.ts';
import { newSigningSecret, sealSigningSecret } from './signing-secret.ts';
import { activeKeys, MAX_KEYS_PER_PROJECT, PROJECT_NAME, type KeysFile } from './keys-file.ts';

/** A change that cannot be made; the file is as good as it was. */
export class KeyChangeError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KeyChangeError';
  }
}

/** What a key is made for. */
export interface WantedKey {
  readonly project: string;
  readonly kind: KeyKind;
  /** Whether its calls must be signed. @default false */
  readonly signed?: boolean;
  readonly now: Date;
}

/** A key at the only moment at which it is known. */
export interface CreatedKey {
  readonly file: KeysFile;
  readonly id: string;
  readonly key: string;
  /** Null = its calls need no signature. */
  readonly signingSecret: string | null;
}

const ID_BYTES = 6;

/**
 * Adds a key, and its project where that is new. `randomBytes` must be cryptographic.
 *
 * @throws KeyChangeError where the project has two already, or its name is none
 */
export function createKey(
  file: KeysFile,
  { project, kind, signed = false, now }: WantedKey,
  randomBytes: (count: number) => Uint8Array,
): CreatedKey {
  if (!PROJECT_NAME.test(project))
    throw new KeyChangeError('A project has 1 to 20 of a-z, 0-9 and - as its name.');
  if (activeKeys(file.keys, project).length >= MAX_KEYS_PER_PROJECT) {
    throw new KeyChangeError(`The project has ${MAX_KEYS_PER_PROJECT} keys already: revoke one first.`);
  }
  const key = newApiKey(kind, randomBytes);
  const id = `key_${Buffer.from(randomBytes(ID_BYTES)).toString('hex')}`;
  const signingSecret = signed ? newSigningSecret(randomBytes) : null;
  const entry = {
    id,
    sha256: hashApiKey(key),
    project,
    kind,
    ...(signingSecret === null
      ? {}
      : { signing: sealSigningSecret(signingSecret, { keyId: id, apiKey: key }, randomBytes) }),
    created_at: now.toISOString(),
  };
  const projects = Object.hasOwn(file.projects, project)
    ? file.projects
    : { ...file.projects, [project]: { limits: {} } };
  return { file: { projects, keys: [...file.keys, entry] }, id, key, signingSecret };
}

/** Ends a key's use; a second time changes nothing. @throws KeyChangeError where there is no such key */
export function revokeKey(file: KeysFile, id: string, now: Date): KeysFile {
  if (!file.keys.some((key) => key.id === id))
    throw new KeyChangeError('There is no key with this id; `npm run keys -- list` shows them.');
  return {
    ...file,
    keys: file.keys.map((key) =>
      key.id === id ? { ...key, revoked_at: key.revoked_at ?? now.toISOString() } : key,
    ),
  };
}
