import { z } from 'zod';
import { type Call, Load, LoadResult } from '../load/load.ts';
import { runLoad } from '../load/run-load.ts';

/** What the benchmark asks of a system that is called in its own process. */
export const LoadOrder = z.object({ order: z.number(), load: Load });

/** What a system's process says; `ready` once it takes calls. */
export const ChildSays = z.union([
  z.object({ ready: z.literal(true) }),
  z.object({ order: z.number(), result: LoadResult }),
]);

/** In a system's process: says that it is ready, and ends with the process that started it. */
export function sayReady(): void {
  process.once('disconnect', () => process.exit());
  process.send?.({ ready: true });
}

/** In a system's process: carries out the loads that it is told of, with the generator that all have. */
export function answerLoads(call: Call): void {
  process.on('message', (message) => {
    const { order, load } = LoadOrder.parse(message);
    void runLoad(load, call).then((result) => process.send?.({ order, result }));
  });
  sayReady();
}
