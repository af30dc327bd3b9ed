import { laneProbes, laneWaitMs } from '../domain/retry-policy.ts';

/** Closes a lane after refusals. */
export interface Gate {
  /** The time until the gate opens, ms. 0 = open. */
  closedMs(nowMs: number): number;
  /** Whether only one call may be under way, because the upstream may still refuse. */
  mustProbe(): boolean;
  /**
   * Closes the gate. Refusals of calls that were under way together are one refusal.
   *
   * @param sentAtMs when the refused call was let out
   * @param toldMs the delay that the upstream asked for; null = none
   */
  refuse(sentAtMs: number, toldMs: number | null, nowMs: number): void;
  /**
   * Opens the gate if the answered call was a probe.
   *
   * @returns whether the only refusal was the refused request's own: it asked for a long delay, and another request is
   *   answered long before
   */
  answer(): boolean;
}

export function createGate(): Gate {
  let refusals = 0;
  let refusedAtMs = -Infinity;
  let closedUntilMs = -Infinity;
  let probes = false;
  return {
    closedMs: (nowMs) => Math.max(0, closedUntilMs - nowMs),
    mustProbe: () => probes,
    refuse(sentAtMs, toldMs, nowMs) {
      if (sentAtMs >= refusedAtMs) {
        refusals += 1;
        refusedAtMs = nowMs;
      }
      closedUntilMs = Math.max(closedUntilMs, nowMs + laneWaitMs(refusals, toldMs));
      probes ||= laneProbes(refusals, toldMs);
    },
    answer() {
      const wasItsOwn = probes && refusals === 1;
      if (probes) [probes, closedUntilMs] = [false, -Infinity];
      refusals = 0;
      return wasItsOwn;
    },
  };
}
