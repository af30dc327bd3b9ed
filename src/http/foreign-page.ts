import type { IncomingHttpHeaders } from 'node:http';

/** What a browser says of its own pages, and of an address that a person typed. */
const OWN_SITES = new Set(['same-origin', 'none']);

/**
 * Whether a browser says that a web page of another origin sent this. A page may send what needs no preflight, a
 * POST without a body for one, to any address that its browser reaches, though it reads no answer. Only browsers
 * send these headers: SDKs, curl and servers do not.
 */
export function isFromForeignPage(headers: IncomingHttpHeaders): boolean {
  const { origin, host = '', 'sec-fetch-site': site = [] } = headers;
  if ([site].flat().some((one) => !OWN_SITES.has(one))) return true;
  if (origin === undefined) return false;
  // `null` is the origin of sandboxed frames and files.
  const page = URL.parse(origin);
  return page === null || page.host !== URL.parse(`${page.protocol}//${host}`)?.host;
}
