import { createHash } from 'node:crypto';
import type { LaneSnapshot, LaneState } from '../domain/lane.ts';
import { type Clock, createLane, type Lane } from './lane.ts';
import type { Meter } from './meter.ts';

/** The lanes of one worker process. */
export interface Lanes {
  /**
   * The lane of a model, or of a group of models, on one upstream account.
   *
   * @param account names upstream and key; see `LaneAddress`
   */
  of(address: { readonly account: string; readonly model: string }): Lane;
  /** All lanes in use or used lately, the busiest first. */
  snapshots(): readonly LaneSnapshot[];
}

/** Called when the state of a lane changes. */
export type LaneObserver = (before: LaneState, snapshot: LaneSnapshot) => void;

/** Models are callers' text, so their number is bounded. Beyond it, new models share one lane. */
const MAX_LANES = 1_000;
/** A lane without calls is forgotten after this time. */
const FORGET_AFTER_MS = 600_000;
/** Name and id of the shared lane. No model's lane has either. */
const SHARED = 'shared';

/** The clock of the process. It is monotonic, because a corrected wall clock must not hold calls back. */
export function createSystemClock(): Clock {
  return {
    now: () => performance.now(),
    after(ms, act) {
      const timer = setTimeout(act, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
  };
}

/** @param ceiling limits all lanes together; null = disabled */
export function createLanes(
  clock: Clock,
  ceiling: Meter | null,
  onChange: LaneObserver,
  maxLanes: number = MAX_LANES,
): Lanes {
  /** By account and model, so that only a new lane needs its hash. */
  const lanes = new Map<string, Lane>();

  function forgetIdle(): void {
    const nowMs = clock.now();
    for (const [name, lane] of lanes) {
      const idleSinceMs = lane.idleSinceMs();
      if (idleSinceMs !== null && nowMs - idleSinceMs > FORGET_AFTER_MS) lanes.delete(name);
    }
  }

  function add(name: string, id: string, model: string): Lane {
    const lane = createLane({ id, model }, clock, ceiling, onChange);
    lanes.set(name, lane);
    return lane;
  }

  return {
    of({ account, model }) {
      const name = `${account}\n${model}`;
      const known = lanes.get(name);
      if (known !== undefined) return known;
      if (lanes.size >= maxLanes) forgetIdle();
      if (lanes.size >= maxLanes) return lanes.get(SHARED) ?? add(SHARED, SHARED, SHARED);
      return add(name, createHash('sha256').update(name).digest('hex').slice(0, 12), model);
    },
    snapshots() {
      forgetIdle();
      return [...lanes.values()]
        .map((lane) => lane.snapshot())
        .toSorted((one, other) => other.waiting - one.waiting || other.calls - one.calls);
    },
  };
}
