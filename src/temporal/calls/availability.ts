import { unavailable } from './call-budget.ts';

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
  let answeredAtMs = -Infinity;
  let probing: Promise<boolean> | null = null;

  async function check(): Promise<boolean> {
    probing ??= probe()
      .then(() => {
        answeredAtMs = now();
        return true;
      })
      .catch(() => false)
      .finally(() => {
        probing = null;
      });
    return probing;
  }

  return {
    check,
    noteAnswer: () => {
      answeredAtMs = now();
    },
    ensure: async () => {
      if (now() - answeredAtMs <= FRESH_MS) return;
      if (!(await check())) throw unavailable();
    },
  };
}
