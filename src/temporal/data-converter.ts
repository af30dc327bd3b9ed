import type { DataConverter } from '@temporalio/common';
import { createEncryptionCodec } from '../encryption/codec.ts';
import type { EncryptionKeys } from '../encryption/keys.ts';
import { FAILURE_CONVERTER_PATH, PAYLOAD_CONVERTER_PATH } from './worker/workflow-bundle.ts';

/**
 * How clients and workers write and read payloads; all of a deployment must do it alike.
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
