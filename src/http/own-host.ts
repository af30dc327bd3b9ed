import { hostOf, isLoopback } from '../domain/loopback.ts';

/**
 * Whether a Host header names this machine's loopback, or one of the names that it may have besides: the very
 * address that the service listens on, for one. Any other name may be one that a web page had resolved to this
 * machine in order to get here (DNS rebinding).
 *
 * @param names addresses or names in any case, without ports
 */
export function isOwnHost(header: string | undefined, names: readonly string[]): boolean {
  const host = hostOf(header ?? '').toLowerCase();
  return isLoopback(host) || names.some((name) => host === asInHeader(name));
}

function asInHeader(name: string): string {
  const isBareIPv6 = name.includes(':') && !name.startsWith('[');
  return (isBareIPv6 ? `[${name}]` : name).toLowerCase();
}
