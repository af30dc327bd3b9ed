import type { Load, LoadResult } from '../load/load.ts';
import { ChildSays } from './child.ts';
import { type Entry, type SpawnedEntry, spawnEntry } from './spawn-entry.ts';
import type { System, SystemName } from './system.ts';

/**
 * Starts a system without HTTP in front. The load generator runs inside its process. Resolves when the system
 * is ready.
 */
export async function startCalledInside(name: SystemName, entry: Entry): Promise<System> {
  const spawned = await spawnReady(entry);
  const { child, pid, died, kill } = spawned;
  const asked = new Map<number, (result: LoadResult) => void>();
  child.on('message', (message) => {
    const said = ChildSays.parse(message);
    if ('order' in said) asked.get(said.order)?.(said.result);
  });
  let orders = 0;
  return {
    name,
    pid,
    run: (load: Load) => {
      const { promise, resolve } = Promise.withResolvers<LoadResult>();
      const order = (orders += 1);
      asked.set(order, resolve);
      child.send({ order, load });
      return Promise.race([promise, died]).finally(() => asked.delete(order));
    },
    stop: kill,
  };
}

/**
 * Starts an entry and waits until it reports that it is ready.
 *
 * @throws Error with the end of its output if it ends before that
 */
export async function spawnReady(entry: Entry): Promise<SpawnedEntry> {
  const spawned = await spawnEntry(entry);
  const ready = Promise.withResolvers<void>();
  const listen = (message: unknown): void => {
    if ('ready' in ChildSays.parse(message)) ready.resolve();
  };
  spawned.child.once('message', listen);
  await Promise.race([ready.promise, spawned.died]);
  return spawned;
}
