import canonicalize from 'canonicalize';
import { createHash } from 'node:crypto';
import type { Operation } from '../domain/words.ts';

/**
 * What "the same request" means: SHA-256 hex over the operation and the canonical JSON (RFC 8785) of what is
 * sent upstream. Member order, white space, `1.0` against `1` and escapes don't count.
 */
export function fingerprint(operation: Operation, body: Record<string, unknown>): string {
  return createHash('sha256')
    .update(operation)
    .update('\n')
    .update(canonicalize(body) ?? '')
    .digest('hex');
}
