import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a condition, never for luck: polls until `read` gives a value that `holds`, or the deadline fails it. */
export async function until<T>(
  read: () => Promise<T> | T,
  holds: (value: T) => boolean,
  withinMs = 15_000,
): Promise<T> {
  const untilMs = Date.now() + withinMs;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (Date.now() > untilMs) throw new Error(`not within ${withinMs} ms; last: ${JSON.stringify(value)}`);
    await sleep(20);
  }
}
