import proto from '@temporalio/proto';
import type { EncryptionKeys } from './keys.ts';
import { seal, unseal } from './sealed-payload.ts';

const PayloadProto = proto.temporal.api.common.v1.Payload;

/** Seals bytes that are kept elsewhere than in Temporal, bound to their request as payloads are. */
export interface BytesSeal {
  seal(bytes: Uint8Array, workflowId: string): Uint8Array;
  /** Null = they cannot be opened: altered, moved, or sealed with an unknown key. */
  open(bytes: Uint8Array, workflowId: string): Uint8Array | null;
}

/**
 * @param keys the first one seals, all of them open
 * @param namespace the Temporal namespace, which is a part of the binding
 */
export function createBytesSeal(keys: EncryptionKeys, namespace: string): BytesSeal {
  return {
    seal: (bytes, workflowId) =>
      PayloadProto.encode(seal({ metadata: {}, data: bytes }, keys, { namespace, workflowId })).finish(),
    open(bytes, workflowId) {
      try {
        return unseal(PayloadProto.decode(bytes), keys, { namespace, workflowId }).data ?? null;
      } catch {
        return null;
      }
    },
  };
}
