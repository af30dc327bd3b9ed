import { hostOf, isLoopback } from '../domain/loopback.ts';

/**
 * Whether a Host header names this machine's loopback, or the very address that the service listens on. Any
 * other name may be one that a web page had resolved to loopback in order to get here (DNS rebinding).
 *
 * @param listening an address or name, without a port
 */
export function isOwnHost(header: string | undefined, listening: string): boolean {
  const host = hostOf(header ?? '').toLowerCase();
  const own = listening.includes(':') ? `[${listening}]` : listening;
  return isLoopback(host) || host === own.toLowerCase();
}
