import { unavailable } from '../../domain/refusal.ts';
import { createSingleFlight } from './single-flight.ts';

/** How long a successful answer of Temporal's counts as "it is there". */
const FRESH_MS = 250;

/**
 * Knows whether Temporal answers. A start that is sent may be carried out even when its answer is lost, and
 * the native client goes on sending it for seconds; so none is sent while Temporal is known to be away.
 */
export interface Availability {
  /** Rejects with `service_unavailable` unless Temporal answered just now or answers a probe. */
  ensure(): Promise<void>;
  /** The same as a question, always asked anew. */
  check(): Promise<boolean>;
  /** A call has just been answered. */
  noteAnswer(): void;
}

/** @param probe a cheap call that rejects within a second or two when Temporal is away */
export function createAvailability(
  probe: () => Promise<unknown>,
  now: () => number = Date.now,
): Availability {
  const probes = createSingleFlight<boolean>();
  let answeredAtMs = -Infinity;
  const noteAnswer = (): void => void (answeredAtMs = now());
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
    ensure: async () => {
      if (now() - answeredAtMs <= FRESH_MS) return;
      if (!(await check())) throw unavailable();
    },
  };
}
