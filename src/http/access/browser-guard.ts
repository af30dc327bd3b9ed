import type { IncomingHttpHeaders } from 'node:http';
import { hostOf, isLoopback } from '../../domain/hosts.ts';

/**
 * Whether a Host header names this machine's loopback, or one of the names that it may have besides: the very
 * address that the service listens on, for one. Any other name may be one that a web page had resolved to this
 * machine in order to get here (DNS rebinding).
 *
 * @param names addresses or names in any case, without ports
 */
export function isAllowedHost(header: string | undefined, names: readonly string[]): boolean {
  const host = hostOf(header ?? '').toLowerCase();
  return isLoopback(host) || names.some((name) => host === asInHeader(name));
}

function asInHeader(name: string): string {
  const isBareIPv6 = name.includes(':') && !name.startsWith('[');
  return (isBareIPv6 ? `[${name}]` : name).toLowerCase();
}

/** What a browser says of its own pages, and of an address that a person typed. */
const OWN_SITES = new Set(['same-origin', 'none']);

/**
 * Whether a browser says that a web page of another origin sent this. A page may send what needs no preflight, a
 * POST without a body for one, to any address that its browser reaches, though it reads no answer. Only browsers
 * send these headers: SDKs, curl and servers do not.
 */
export function isCrossOrigin(headers: IncomingHttpHeaders): boolean {
  const { origin, host = '', 'sec-fetch-site': site = [] } = headers;
  if ([site].flat().some((one) => !OWN_SITES.has(one))) return true;
  if (origin === undefined) return false;
  // `null` is the origin of sandboxed frames and files.
  const page = URL.parse(origin);
  return page === null || page.host !== URL.parse(`${page.protocol}//${host}`)?.host;
}
