import proto from '@temporalio/proto';
import type { EncryptionKeys } from './keys.ts';
import { NAMESPACE_KEY, seal, unseal, WORKFLOW_KEY } from './sealed-payload.ts';

const PayloadProto = proto.temporal.api.common.v1.Payload;

/**
 * Seals bytes that are kept elsewhere than in Temporal, bound to their request as payloads are. They do not name the
 * request, because the process that opens them knows it.
 */
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
    seal(bytes, workflowId) {
      const sealed = seal({ metadata: {}, data: bytes }, keys, { namespace, workflowId });
      const { [NAMESPACE_KEY]: _namespace, [WORKFLOW_KEY]: _workflow, ...metadata } = sealed.metadata ?? {};
      return PayloadProto.encode({ ...sealed, metadata }).finish();
    },
    open(bytes, workflowId) {
      try {
        const { metadata, data } = PayloadProto.decode(bytes);
        const place = {
          [NAMESPACE_KEY]: Buffer.from(namespace),
          [WORKFLOW_KEY]: Buffer.from(workflowId),
        };
        const payload = { metadata: { ...metadata, ...place }, data };
        return unseal(payload, keys, { namespace, workflowId }).data ?? null;
      } catch {
        return null;
      }
    },
  };
}
