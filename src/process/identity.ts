import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/**
 * Who this process is to Temporal; of its own for each start, so that attempts say whose they were.
 *
 * @param directory the embedded deployment's data directory, by its id; null where there is none
 */
export function createIdentity(directory: string | null = null): string {
  const identity = `reqrun@${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  return directory === null ? identity : `${identity}${suffix(directory)}`;
}

/** Whether an identity is that of an earlier process on the data directory which `own` has locked. */
export function isPredecessor(identity: string, own: string, directory: string): boolean {
  return identity !== own && identity.endsWith(suffix(directory));
}

function suffix(directory: string): string {
  return `:data-${directory}`;
}
