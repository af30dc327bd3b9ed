import { lookup } from 'node:dns/promises';
import { z } from 'zod';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Whether a host, without a port, is loopback: what is sent there stays on this machine. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

/**
 * The address to listen on. `localhost` becomes 127.0.0.1, because for `localhost` Fastify opens a second
 * server for its other address, and our limits do not cover that one.
 */
export const listenAddress = z
  .string()
  .default('127.0.0.1')
  .transform((host) => (/^localhost$/i.test(host) ? '127.0.0.1' : withoutBrackets(host)));

/** Whether a name, or an address with or without brackets, resolves to an address. */
export async function resolves(host: string): Promise<boolean> {
  return lookup(withoutBrackets(host)).then(
    () => true,
    () => false,
  );
}

/**
 * The host of `host:port`, in the form of a Host header and of Temporal addresses. An IPv6 address is in
 * brackets.
 */
export function hostOf(authority: string): string {
  return authority.replace(/:\d{1,5}$/, '');
}

/** A name or an address without a port. An IPv6 address is in brackets, as in a Host header. */
const HOST_NAME = /^(?:\*|[a-z0-9._-]+|\[[0-9a-f:.]+\])$/;

/** Parses names separated by commas, to lower case. `*` gives null = any name. */
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
 * The rule for the address of an upstream, wherever an operator configures it:
 *
 * - https, because keys and prompts are sent there;
 * - http to this machine;
 * - http elsewhere only with REQRUN_ALLOW_PLAIN_UPSTREAM=1, for a container network or a model server in a
 *   trusted network.
 *
 * It must not contain credentials, because it is printed at start and may be logged.
 */
export function upstreamUrl(allowPlain: boolean) {
  return z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL', abort: true })
    .refine((url) => allowPlain || isPrivate(new URL(url)), {
      error: 'must be https outside loopback (REQRUN_ALLOW_PLAIN_UPSTREAM=1 to insist)',
    })
    .refine((url) => !hasCredentials(new URL(url)), { error: 'must not hold credentials' });
}

/** Whether what is sent to the URL cannot be read on the way. */
function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || isLoopback(hostname);
}

function hasCredentials({ username, password }: URL): boolean {
  return `${username}${password}` !== '';
}
