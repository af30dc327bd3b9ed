import {
  METADATA_ENCODING_KEY,
  type Payload,
  type PayloadCodec,
  type SerializationContext,
} from '@temporalio/common';
import type { EncryptionKeys } from './keys.ts';
import { type Place, seal, unseal } from './sealed-payload.ts';

/**
 * Encrypts and decrypts whatever passes between this process and Temporal, outside of the workflow sandbox.
 *
 * Everything is bound to the namespace and workflow it belongs to and is refused elsewhere. The SDK (1.24) says
 * where that is for all that requests are made of: arguments, results, heartbeats, failures, memos, summaries and
 * query results. It does not for the failure of a workflow task, which is then bound to nothing and read by people
 * alone. Within one workflow, a payload could still be put in another's place, or into another run of the same id.
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

/** What the server puts into the end of a call that is cancelled between two attempts. */
const NOT_STARTED = '"ACTIVITY_ID_NOT_STARTED"';

/**
 * The one payload in a request's history that the server writes itself, and so in plain text: a constant that says
 * nothing, passed as it is. Any other plain payload is refused.
 */
function isServersOwn({ metadata, data }: Payload): boolean {
  const encoding = metadata?.[METADATA_ENCODING_KEY];
  if (!encoding || !data || data.byteLength !== NOT_STARTED.length) return false;
  return (
    new TextDecoder().decode(encoding) === 'json/plain' && new TextDecoder().decode(data) === NOT_STARTED
  );
}
