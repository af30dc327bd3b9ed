import type { Clock, Entrant } from '../../src/lanes/lane.ts';

/** A clock that a test moves. */
export interface ManualClock extends Clock {
  /** Moves the time forward, and runs what comes due, in order. */
  advance(ms: number): void;
}

export function manualClock(): ManualClock {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly act: () => void }>();
  return {
    now: () => nowMs,
    random: () => 0,
    after(ms, act) {
      const timer = { atMs: nowMs + ms, act };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const untilMs = nowMs + ms;
      for (;;) {
        const [next] = [...timers].filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.act();
      }
      nowMs = untilMs;
    },
  };
}

/** An attempt of the default project with an hour left. */
export function entrant(fields: Partial<Entrant> & Pick<Entrant, 'id'>): Entrant {
  return {
    project: 'default',
    weight: 1,
    priority: 3,
    sinceMs: 0,
    tokens: 100,
    timeLeftMs: 3_600_000,
    carried: null,
    mayReturn: true,
    ...fields,
  };
}
