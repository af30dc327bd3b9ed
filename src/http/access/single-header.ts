import type { IncomingMessage } from 'node:http';
import { Refusal } from '../../domain/refusal.ts';

/**
 * A header that may be sent once; undefined where it was not. Node keeps the first of several, and whoever stands
 * in front may have looked at another one.
 *
 * @param name as callers write it; it is what the refusal names
 * @throws Refusal `duplicate_header`
 */
export function singleHeader({ headersDistinct }: IncomingMessage, name: string): string | undefined {
  const [header, ...others] = headersDistinct[name.toLowerCase()] ?? [];
  if (others.length > 0) throw new Refusal('duplicate_header', { param: name });
  return header;
}
