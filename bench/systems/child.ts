import { z } from 'zod';
import { type Call, Load, LoadResult } from '../load/load.ts';
import { runLoad } from '../load/run-load.ts';

/** Message from the benchmark to a system that is called in its own process. */
export const LoadOrder = z.object({ order: z.number(), load: Load });

/** Messages from a system's process. `ready` = it takes calls. */
export const ChildSays = z.union([
  z.object({ ready: z.literal(true) }),
  z.object({ order: z.number(), result: LoadResult }),
]);

/**
 * Used in a system's process. Reports that it is ready, and ends it together with the process that started
 * it.
 */
export function sayReady(): void {
  process.once('disconnect', () => process.exit());
  process.send?.({ ready: true });
}

/** Used in a system's process. Runs the loads it receives, with the load generator that all systems share. */
export function answerLoads(call: Call): void {
  process.on('message', (message) => {
    const { order, load } = LoadOrder.parse(message);
    void runLoad(load, call).then((result) => process.send?.({ order, result }));
  });
  sayReady();
}
