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
import { isRawJson, RawJson } from '../domain/raw-json.ts';

/** Marks a payload as carried text; its value is {@link RawJson.beside} as JSON. */
const BESIDE_KEY = 'reqrun-beside';

/**
 * `json/plain`, so that the Temporal UI shows it, but with {@link RawJson} carried as the bytes it came in
 * and everything else as usual. Loaded by path into the workflow sandbox as well.
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
      },
      data: value.bytes,
    };
  }

  fromPayload<T>(payload: Payload): T;
  fromPayload(payload: Payload): unknown {
    const beside = payload.metadata?.[BESIDE_KEY];
    if (beside === undefined || beside === null) return this.#plain.fromPayload(payload);
    return new RawJson(payload.data ?? new Uint8Array(), JSON.parse(new TextDecoder().decode(beside)));
  }
}

/** The name is the SDK's: it looks for this export in the module at `payloadConverterPath`. */
export const payloadConverter: PayloadConverter = new CompositePayloadConverter(
  new UndefinedPayloadConverter(),
  new BinaryPayloadConverter(),
  new JsonConverter(),
);
