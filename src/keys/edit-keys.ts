import type { KeyKind } from './api-key.ts';
import { hashApiKey, newApiKey } from './api-key.ts';
import { newSigningSecret, sealSigningSecret } from './signing-secret.ts';
import { activeKeys, MAX_KEYS_PER_PROJECT, PROJECT_NAME, type KeysFile } from './keys-file.ts';

/** A change that was refused. The file is unchanged. */
export class KeyChangeError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KeyChangeError';
  }
}

/** The properties of a key to create. */
export interface WantedKey {
  readonly project: string;
  readonly kind: KeyKind;
  /**
   * Whether calls with this key must be signed.
   *
   * @default false
   */
  readonly signed?: boolean;
  readonly now: Date;
}

/** A new key. This is the only time its text is known, because the file keeps only its hash. */
export interface CreatedKey {
  readonly file: KeysFile;
  readonly id: string;
  readonly key: string;
  /** Null = calls with this key need no signature. */
  readonly signingSecret: string | null;
}

const ID_BYTES = 6;

/**
 * Adds a key, and its project when that is new.
 *
 * @param randomBytes must be cryptographic
 * @throws KeyChangeError when the project already has two unrevoked keys, or its name is not valid
 */
export function createKey(
  file: KeysFile,
  { project, kind, signed = false, now }: WantedKey,
  randomBytes: (count: number) => Uint8Array,
): CreatedKey {
  if (!PROJECT_NAME.test(project))
    throw new KeyChangeError('A project has 1 to 20 of a-z, 0-9 and - as its name.');
  if (activeKeys(file.keys, project).length >= MAX_KEYS_PER_PROJECT) {
    throw new KeyChangeError(`The project has ${MAX_KEYS_PER_PROJECT} unrevoked keys: revoke one first.`);
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

/**
 * Revokes a key. Revoking it again changes nothing.
 *
 * @throws KeyChangeError when there is no such key
 */
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
