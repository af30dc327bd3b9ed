import {
  CompositePayloadConverter,
  METADATA_ENCODING_KEY,
  UndefinedPayloadConverter,
  BinaryPayloadConverter,
  JsonPayloadConverter,
  encodingKeys,
  encodingTypes,
  type Payload,
  type PayloadConverter,
  type PayloadConverterWithEncoding,
} from '@temporalio/common';
import { type BlobRef, isRawJson, isReference, RawJson, REFERENCE_MARK } from '../domain/raw-json.ts';

/** Metadata key that marks a payload as a {@link RawJson}. Its value is {@link RawJson.beside} as JSON. */
const BESIDE_KEY = 'reqrun-beside';

/**
 * Encodes as `json/plain`, so that the Temporal UI shows the payload. A {@link RawJson} keeps the bytes it
 * arrived in; every other value is encoded as usual. The workflow sandbox also loads this module by path.
 */
class JsonConverter implements PayloadConverterWithEncoding {
  readonly encodingType = encodingTypes.METADATA_ENCODING_JSON;
  readonly #plain = new JsonPayloadConverter();

  toPayload<T>(value: T): Payload | undefined {
    if (!isRawJson(value)) return this.#plain.toPayload(value);
    return {
      metadata: {
        [METADATA_ENCODING_KEY]: encodingKeys.METADATA_ENCODING_JSON,
        [BESIDE_KEY]: new TextEncoder().encode(JSON.stringify(value.beside)),
        ...(value.blob === null ? {} : { [REFERENCE_MARK]: new TextEncoder().encode('1') }),
      },
      data: value.bytes,
    };
  }

  fromPayload<T>(payload: Payload): T;
  fromPayload(payload: Payload): unknown {
    const beside = payload.metadata?.[BESIDE_KEY];
    if (beside === undefined || beside === null) return this.#plain.fromPayload(payload);
    const bytes = payload.data ?? new Uint8Array();
    return new RawJson(bytes, parse(beside), isReference(payload) ? parse<BlobRef>(bytes) : null);
  }
}

/** Parses JSON that this class has written. */
function parse<T>(bytes: Uint8Array): T {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** The SDK requires this name: it looks for this export in the module at `payloadConverterPath`. */
export const payloadConverter: PayloadConverter = new CompositePayloadConverter(
  new UndefinedPayloadConverter(),
  new BinaryPayloadConverter(),
  new JsonConverter(),
);
