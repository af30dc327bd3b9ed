import { overloaded } from './refusal.ts';

/** A bound on how many of one thing are in hand at once; what finds no place is refused, never queued. */
export interface Limit {
  isFull(): boolean;
  /** How many places are taken. */
  taken(): number;
  /** Null when every place is taken. */
  take(): Place | null;
}

export interface Place {
  /** Gives the place back; a second call does nothing. */
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

/** A place of `limit`. @throws Refusal `overloaded` when there is none */
export function enter(limit: Limit): Place {
  const place = limit.take();
  if (place === null) throw overloaded();
  return place;
}
