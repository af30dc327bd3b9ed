import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/** Who this process is to Temporal; of its own for each start, so that attempts say whose they were. */
export function createIdentity(): string {
  return `reqrun@${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
}
