import { overloaded } from './refusal.ts';

/**
 * A bound on how many things of one kind are handled at the same time. Above it they are refused, never
 * queued.
 */
export interface Limit {
  isFull(): boolean;
  /** The number of taken places. */
  taken(): number;
  /** Takes a place; null when all places are taken. */
  take(): Place | null;
}

export interface Place {
  /** Frees the place. A second call does nothing. */
  leave(): void;
}

export function createLimit(max: number): Limit {
  const places = new Set<Place>();
  const isFull = (): boolean => places.size >= max;
  return {
    isFull,
    taken: () => places.size,
    take: () => {
      if (isFull()) return null;
      const place: Place = { leave: () => void places.delete(place) };
      places.add(place);
      return place;
    },
  };
}

/**
 * Takes a place of `limit`.
 *
 * @throws Refusal `overloaded` when all places are taken
 */
export function enter(limit: Limit): Place {
  const place = limit.take();
  if (place === null) throw overloaded();
  return place;
}
