import { z } from 'zod';
import { isLoopback } from './loopback.ts';

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
