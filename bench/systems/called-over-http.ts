import { createHttpCaller, type HttpCaller } from '../load/http-call.ts';
import { runLoad } from '../load/run-load.ts';
import type { SpawnedEntry } from './spawn-entry.ts';
import type { System, SystemName } from './system.ts';

/** A system that is called over HTTP, and the client that calls it. */
export interface HttpSystem extends System {
  readonly caller: HttpCaller;
}

/**
 * @param spawned its process. Null = it has no process of its own
 * @param url target of the POSTs
 * @param headers sent with each POST
 */
export function calledOverHttp(
  name: SystemName,
  spawned: SpawnedEntry | null,
  url: string,
  headers: Record<string, string> = {},
): HttpSystem {
  const caller = createHttpCaller(url, headers);
  return {
    name,
    pid: spawned?.pid ?? null,
    caller,
    run: async (load) => {
      const ran = runLoad(load, caller.call);
      return spawned === null ? ran : Promise.race([ran, spawned.died]);
    },
    stop: async () => {
      await spawned?.kill();
      await caller.close();
    },
  };
}
