import type { IncomingMessage } from 'node:http';
import { Refusal } from '../domain/refusal.ts';
import { isIdempotencyKey } from '../domain/request-id.ts';
import { soleHeader } from './sole-header.ts';

/**
 * The key of a call, from its header (bare, or an RFC 8941 quoted string) or its body.
 *
 * @throws Refusal `duplicate_header`, `idempotency_key_not_signed`, `invalid_idempotency_key` or
 *   `idempotency_key_conflict`
 */
export function readIdempotencyKey(
  request: IncomingMessage,
  fromBody: string | undefined,
  { project, isSigned }: { readonly project: string; readonly isSigned: boolean },
): string | null {
  const sent = soleHeader(request, 'Idempotency-Key');
  if (isSigned && sent !== undefined) {
    throw new Refusal('idempotency_key_not_signed', { param: 'Idempotency-Key' });
  }
  const fromHeader = sent === undefined ? undefined : unquote(sent);
  for (const key of [fromHeader, fromBody]) {
    if (key !== undefined && !isIdempotencyKey(key, project)) {
      throw new Refusal('invalid_idempotency_key', { param: 'idempotency_key' });
    }
  }
  if (fromHeader !== undefined && fromBody !== undefined && fromHeader !== fromBody) {
    throw new Refusal('idempotency_key_conflict', { param: 'idempotency_key' });
  }
  return fromHeader ?? fromBody ?? null;
}

/** RFC 8941, 3.3.3: within quotes a backslash escapes a quote or a backslash. */
function unquote(header: string): string {
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header);
  return quoted?.[1] === undefined ? header : quoted[1].replace(/\\(["\\])/g, '$1');
}
