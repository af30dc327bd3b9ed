import { METADATA_ENCODING_KEY, type Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { EncryptionKeys } from './keys.ts';
import { PayloadUnreadableError } from './unreadable.ts';

/** The namespace and workflow that a payload belongs to; null = unknown. */
export interface Place {
  readonly namespace: string | null;
  readonly workflowId: string | null;
}

/** Temporal's name for encrypted payloads. UIs send payloads with this encoding to a codec server. */
const ENCRYPTED_ENCODING = 'binary/encrypted';
const FORMAT = '1';
const KEY_ID = 'encryption-key-id';
const FORMAT_KEY = 'encryption-format';
/** The members that name the place, unencrypted. */
export const NAMESPACE_KEY = 'encryption-namespace';
export const WORKFLOW_KEY = 'encryption-workflow-id';

const CIPHER = 'aes-256-gcm';
/** GCM's standard nonce size. Nonces are random, which limits one key to 2^32 payloads. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const PayloadProto = proto.temporal.api.common.v1.Payload;

/**
 * Encrypts a whole payload, metadata included, as nonce, ciphertext and tag. The namespace and workflow are
 * stored unencrypted with it, for readers that do not know them otherwise, and are authenticated.
 */
export function seal(payload: Payload, { current }: EncryptionKeys, place: Place): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, current.secret, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(current.id, place));
  const sealed = [nonce, cipher.update(PayloadProto.encode(payload).finish()), cipher.final()];
  const { namespace, workflowId } = place;
  return {
    metadata: {
      [METADATA_ENCODING_KEY]: Buffer.from(ENCRYPTED_ENCODING),
      [FORMAT_KEY]: Buffer.from(FORMAT),
      [KEY_ID]: Buffer.from(current.id),
      ...(namespace === null ? {} : { [NAMESPACE_KEY]: Buffer.from(namespace) }),
      ...(workflowId === null ? {} : { [WORKFLOW_KEY]: Buffer.from(workflowId) }),
    },
    data: Buffer.concat([...sealed, cipher.getAuthTag()]),
  };
}

/**
 * Decrypts a payload that {@link seal} encrypted.
 *
 * @param expected where the payload was found; fields that are null are not compared
 * @throws PayloadUnreadableError
 */
export function unseal({ metadata, data }: Payload, keys: EncryptionKeys, expected: Place): Payload {
  const text = (name: string): string | null => textIn(metadata, name);
  if (text(METADATA_ENCODING_KEY) !== ENCRYPTED_ENCODING) throw new PayloadUnreadableError('not encrypted');
  if (text(FORMAT_KEY) !== FORMAT) throw new PayloadUnreadableError('unknown format');
  const keyId = text(KEY_ID);
  const key = keys.find(keyId ?? '');
  if (key === undefined) throw new PayloadUnreadableError('unknown key', keyId);
  const place = placeOf({ metadata: metadata ?? null });
  if (!belongs(place, expected)) throw new PayloadUnreadableError('moved');

  const bytes = data ?? new Uint8Array();
  const tagAt = bytes.byteLength - TAG_BYTES;
  try {
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(CIPHER, key.secret, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(associatedData(key.id, place)).setAuthTag(bytes.subarray(tagAt));
    const opened = [decipher.update(bytes.subarray(NONCE_BYTES, tagAt)), decipher.final()];
    return PayloadProto.decode(Buffer.concat(opened));
  } catch {
    throw new PayloadUnreadableError('altered');
  }
}

/** The place that a sealed payload names in its metadata. It is authenticated when the payload is decrypted. */
export function placeOf({ metadata }: Pick<Payload, 'metadata'>): Place {
  return { namespace: textIn(metadata, NAMESPACE_KEY), workflowId: textIn(metadata, WORKFLOW_KEY) };
}

function textIn(metadata: Payload['metadata'], name: string): string | null {
  const value = metadata?.[name];
  return value ? new TextDecoder().decode(value) : null;
}

/** Whether a payload has the encoding that {@link seal} sets. */
export function isSealed({ metadata }: Payload): boolean {
  const encoding = metadata?.[METADATA_ENCODING_KEY];
  return encoding ? new TextDecoder().decode(encoding) === ENCRYPTED_ENCODING : false;
}

function belongs(place: Place, expected: Place): boolean {
  return (
    (expected.namespace === null || expected.namespace === place.namespace) &&
    (expected.workflowId === null || expected.workflowId === place.workflowId)
  );
}

/** Encoded as JSON, so that two different places never have the same encoding. */
function associatedData(keyId: string, { namespace, workflowId }: Place): Buffer {
  return Buffer.from(JSON.stringify([FORMAT, keyId, namespace, workflowId]));
}
