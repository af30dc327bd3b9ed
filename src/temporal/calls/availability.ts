import { unavailable } from '../../domain/refusal.ts';
import { createSingleFlight } from './single-flight.ts';

/** How long after its last answer Temporal counts as available. */
const FRESH_MS = 250;

/**
 * Tracks whether Temporal answers. While Temporal is known to be down, no start is sent: the native client
 * would keep sending it for seconds, and Temporal may carry it out even if its answer is lost.
 */
export interface Availability {
  /**
   * Rejects with `service_unavailable` unless Temporal answered within the last 250 ms or answers a probe.
   */
  ensure(): Promise<void>;
  /** Probes Temporal, without using an earlier answer. Resolves to whether it answered. */
  check(): Promise<boolean>;
  /** Records that Temporal has just answered a call. */
  noteAnswer(): void;
  /** Number of answers so far. */
  answers(): number;
}

/** @param probe a cheap call that rejects within two seconds if Temporal is down */
export function createAvailability(
  probe: () => Promise<unknown>,
  now: () => number = Date.now,
): Availability {
  const probes = createSingleFlight<boolean>();
  let answeredAtMs = -Infinity;
  let answers = 0;
  const noteAnswer = (): void => {
    answeredAtMs = now();
    answers += 1;
  };
  const probeOnce = (): Promise<boolean> =>
    probe().then(
      () => {
        noteAnswer();
        return true;
      },
      () => false,
    );
  const check = (): Promise<boolean> => probes.fly('probe', probeOnce).result;
  return {
    check,
    noteAnswer,
    answers: () => answers,
    ensure: async () => {
      if (now() - answeredAtMs <= FRESH_MS) return;
      if (!(await check())) throw unavailable();
    },
  };
}
