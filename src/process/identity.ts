import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/**
 * Creates the identity of this process in Temporal. It is unique for each start, so that each attempt shows
 * which process made it.
 *
 * @param directory id of the embedded deployment's data directory. Null = no embedded deployment
 */
export function createIdentity(directory: string | null = null): string {
  const identity = `reqrun@${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  return directory === null ? identity : `${identity}${suffix(directory)}`;
}

/**
 * Whether an identity belongs to an earlier process on the same data directory. The process `own` holds its
 * lock.
 */
export function isPredecessor(identity: string, own: string, directory: string): boolean {
  return identity !== own && identity.endsWith(suffix(directory));
}

function suffix(directory: string): string {
  return `:data-${directory}`;
}
