import { METADATA_ENCODING_KEY, type Payload } from '@temporalio/common';
import { decode as toText } from '@temporalio/common/lib/encoding.js';

/** What the server puts into the end of a call that is cancelled between two attempts. */
const NOT_STARTED = '"ACTIVITY_ID_NOT_STARTED"';

/**
 * The one payload in a request's history that the server writes itself, and so in plain text: a constant that says
 * nothing, passed as it is. Any other plain payload is refused.
 */
export function isServersOwn({ metadata, data }: Payload): boolean {
  const encoding = metadata?.[METADATA_ENCODING_KEY];
  if (!encoding || !data || data.byteLength !== NOT_STARTED.length) return false;
  return toText(encoding) === 'json/plain' && toText(data) === NOT_STARTED;
}
