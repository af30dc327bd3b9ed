import type { IncomingHttpHeaders } from 'node:http';
import { hostOf, isLoopback } from '../../domain/hosts.ts';

/**
 * Whether a Host header names loopback or one of `names`, such as the address that the service listens on.
 * Any other name is refused because a web page may resolve its own name to this machine (DNS rebinding).
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

/** Values of Sec-Fetch-Site for same-origin pages (`same-origin`) and for typed addresses (`none`). */
const OWN_SITES = new Set(['same-origin', 'none']);

/**
 * Whether a browser reports that a page of another origin sent this request (cross-origin). Such a page
 * cannot read the answer. It can still send any request that needs no preflight, such as a POST without a
 * body. Only browsers send these headers: SDKs, curl and servers do not.
 */
export function isCrossOrigin(headers: IncomingHttpHeaders): boolean {
  const { origin, host = '', 'sec-fetch-site': site = [] } = headers;
  if ([site].flat().some((one) => !OWN_SITES.has(one))) return true;
  if (origin === undefined) return false;
  // Sandboxed frames and files have the origin `null`.
  const page = URL.parse(origin);
  return page === null || page.host !== URL.parse(`${page.protocol}//${host}`)?.host;
}
