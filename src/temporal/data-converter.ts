import type { DataConverter } from '@temporalio/common';
import { createEncryptionCodec } from '../encryption/codec.ts';
import type { EncryptionKeys } from '../encryption/keys.ts';
import { FAILURE_CONVERTER_PATH, PAYLOAD_CONVERTER_PATH } from './worker/workflow-bundle.ts';

/**
 * Creates the data converter that clients and workers write and read payloads with. All processes of a
 * deployment must use the same one.
 *
 * @param keys null = payloads are stored in plain text
 */
export function createDataConverter(keys: EncryptionKeys | null): DataConverter {
  if (keys === null) return { payloadConverterPath: PAYLOAD_CONVERTER_PATH };
  return {
    payloadConverterPath: PAYLOAD_CONVERTER_PATH,
    failureConverterPath: FAILURE_CONVERTER_PATH,
    payloadCodecs: [createEncryptionCodec(keys)],
  };
}
