import { lookup } from 'node:dns/promises';
import { z } from 'zod';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Whether a host, without a port, is this machine's own: what is sent there leaves no machine. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

/** One address: Fastify opens a second server for another of `localhost`, which none of our bounds know of. */
export const listenAddress = z
  .string()
  .default('127.0.0.1')
  .transform((host) => (/^localhost$/i.test(host) ? '127.0.0.1' : withoutBrackets(host)));

/** Whether a name, or an address with or without brackets, leads to an address. */
export async function resolves(host: string): Promise<boolean> {
  return lookup(withoutBrackets(host)).then(
    () => true,
    () => false,
  );
}

/** The host of `host:port`, as a Host header and Temporal's addresses have it; an IPv6 address in brackets. */
export function hostOf(authority: string): string {
  return authority.replace(/:\d{1,5}$/, '');
}

/** A name or an address, no port; an IPv6 address in brackets, as in a Host header. */
const HOST_NAME = /^(?:\*|[a-z0-9._-]+|\[[0-9a-f:.]+\])$/;

/** Names with commas between, in lower case; null = any, which is written `*`. */
export const allowedHosts = z
  .string()
  .default('')
  .transform((text) =>
    text
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  )
  .refine((names) => names.every((name) => HOST_NAME.test(name)), 'must be names without ports, or *')
  .transform((names): readonly string[] | null => (names.includes('*') ? null : names));

/**
 * The one rule for an upstream's address, wherever an operator writes it: https, for keys and prompts go there;
 * http to this machine; http elsewhere only where the operator insists (a container network, a model server in
 * a trusted one). It is said at start and may be in a log, so that it holds no credentials.
 */
export function upstreamUrl(allowPlain: boolean) {
  return z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL', abort: true })
    .refine((url) => allowPlain || isPrivate(new URL(url)), {
      error: 'must be https outside loopback (REQRUN_ALLOW_PLAIN_UPSTREAM=1 to insist)',
    })
    .refine((url) => !hasCredentials(new URL(url)), { error: 'must not hold credentials' });
}

/** Nobody on the way can read what is sent there. */
function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || isLoopback(hostname);
}

function hasCredentials({ username, password }: URL): boolean {
  return `${username}${password}` !== '';
}
