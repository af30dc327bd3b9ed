import {
  METADATA_ENCODING_KEY,
  type Payload,
  type PayloadCodec,
  type SerializationContext,
} from '@temporalio/common';
import type { EncryptionKeys } from './keys.ts';
import { type Place, seal, unseal } from './sealed-payload.ts';

/**
 * Creates the codec that encrypts and decrypts all payloads between this process and Temporal. It runs
 * outside of the workflow sandbox.
 *
 * Each payload is bound to its namespace and workflow, and is refused anywhere else. The SDK (1.24) names
 * both for everything that requests consist of: arguments, results, heartbeats, failures, memos, summaries
 * and query results. It names neither for the failure of a workflow task. That payload is bound to nothing,
 * and only people read it.
 *
 * The binding does not cover the place within a workflow: a payload could be moved to another place of the
 * same workflow, or to another run with the same id.
 */
export function createEncryptionCodec(keys: EncryptionKeys): PayloadCodec {
  return {
    encode: async (payloads, context) => payloads.map((payload) => seal(payload, keys, placeOf(context))),
    decode: async (payloads, context) =>
      payloads.map((payload) => (isServersOwn(payload) ? payload : unseal(payload, keys, placeOf(context)))),
  };
}

function placeOf(context: SerializationContext | undefined): Place {
  return { namespace: context?.namespace ?? null, workflowId: context?.workflowId ?? null };
}

/** The payload that the server writes when a call is cancelled between two attempts. */
const NOT_STARTED = '"ACTIVITY_ID_NOT_STARTED"';

/**
 * Whether a payload is the only one in a request's history that the server writes itself, and so in plain
 * text. It is a constant without information and passes unchanged. Any other plain payload is refused.
 */
function isServersOwn({ metadata, data }: Payload): boolean {
  const encoding = metadata?.[METADATA_ENCODING_KEY];
  if (!encoding || !data || data.byteLength !== NOT_STARTED.length) return false;
  return (
    new TextDecoder().decode(encoding) === 'json/plain' && new TextDecoder().decode(data) === NOT_STARTED
  );
}
