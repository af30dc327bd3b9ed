import { unavailable } from '../../domain/refusal.ts';
import type { Availability } from './availability.ts';
import type { ConcurrencyQueue } from './concurrency-queue.ts';

/** The time between two looks. */
const LOOK_MS = 500;
/**
 * Looks without an answer from Temporal after which it counts as silent: 4 s, of the 5 s within which callers
 * hear of it. Looks are counted instead of time, because answers are read between two looks: a process that
 * was busy for seconds must not take its own pause for Temporal's.
 */
const SILENT_LOOKS = 8;

/**
 * Refuses all calls that wait for their turn once Temporal is silent. Otherwise they would wait for turns that
 * do not come.
 *
 * @returns a function that begins to watch. It ends by itself when no call waits
 */
export function createSilenceWatch(
  { answers, check }: Pick<Availability, 'answers' | 'check'>,
  { waiting, refuseAll }: Pick<ConcurrencyQueue, 'waiting' | 'refuseAll'>,
): () => void {
  let timer: NodeJS.Timeout | null = null;

  function look(before: number, silentLooks: number): void {
    timer = null;
    if (silentLooks >= SILENT_LOOKS) refuseAll(unavailable());
    if (waiting() === 0) return;
    // Without calls in flight, only a probe shows that Temporal answers.
    if (silentLooks > 0) void check();
    timer = setTimeout(() => {
      const now = answers();
      look(now, now === before ? silentLooks + 1 : 0);
    }, LOOK_MS);
  }

  return () => {
    if (timer === null) look(answers(), 0);
  };
}
