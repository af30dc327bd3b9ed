import type { Client } from '@temporalio/client';
import type {
  LoadedDataConverter,
  Payload,
  ProtoFailure,
  WorkflowSerializationContext,
} from '@temporalio/common';
import { decodeArrayFromPayloads, decodeOptionalFailureToOptionalError } from '../sdk-internals.ts';
import type { Journal } from '../../domain/journal.ts';
import { isRawJson, type RawJson } from '../../domain/raw-json.ts';
import { isJournal } from '../../domain/run-contract.ts';

/** Payloads as Temporal stores them. `describe()` and histories return them still encoded. */
interface EncodedPayloads {
  readonly payloads?: Payload[] | null;
}

/**
 * Decodes what the workflow and the activity of one request have written, from the protos of `describe()` and
 * of histories.
 */
export interface Decoder {
  /** Null if the payloads hold no journal. */
  journal(encoded: EncodedPayloads | null | undefined): Promise<Journal | null>;
  result(encoded: EncodedPayloads | null | undefined): Promise<RawJson>;
  failure(encoded: ProtoFailure | null | undefined): Promise<Error | undefined>;
}

/**
 * Serialization context of a request's payloads. Encrypted payloads are bound to it and cannot be decrypted
 * in another one.
 */
export function contextOf(client: Client, workflowId: string): WorkflowSerializationContext {
  return { type: 'workflow', namespace: client.options.namespace, workflowId };
}

export function decoderOf(client: Client, workflowId: string): Decoder {
  return createDecoder(client.options.loadedDataConverter, contextOf(client, workflowId));
}

export function createDecoder(
  converter: LoadedDataConverter,
  context: WorkflowSerializationContext,
): Decoder {
  const values = (encoded: EncodedPayloads | null | undefined): Promise<unknown[]> =>
    decodeArrayFromPayloads(converter, encoded?.payloads, context);
  return {
    async journal(encoded) {
      return (await values(encoded)).find(isJournal) ?? null;
    },
    async result(encoded) {
      const [result] = await values(encoded);
      if (!isRawJson(result)) throw new TypeError('a completed run has no readable result');
      return result;
    },
    failure: (encoded) => decodeOptionalFailureToOptionalError(converter, encoded, context),
  };
}
