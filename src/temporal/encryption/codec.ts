import type { PayloadCodec, SerializationContext } from '@temporalio/common';
import type { EncryptionKeys } from './keys.ts';
import { seal, unseal, type Place } from './sealed-payload.ts';
import { isServersOwn } from './servers-own.ts';

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
