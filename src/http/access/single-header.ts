import type { IncomingMessage } from 'node:http';
import { Refusal } from '../../domain/refusal.ts';

/**
 * A header that may be sent only once; undefined when it was not sent. A repeated header is refused because
 * Node keeps the first value, while a proxy in front of the service may have checked another one.
 *
 * @param name as callers write it; the refusal names it
 * @throws Refusal `duplicate_header`
 */
export function singleHeader({ headersDistinct }: IncomingMessage, name: string): string | undefined {
  const [header, ...others] = headersDistinct[name.toLowerCase()] ?? [];
  if (others.length > 0) throw new Refusal('duplicate_header', { param: name });
  return header;
}
