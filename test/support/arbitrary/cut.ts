import fc from 'fast-check';
import type { StreamEvent } from '../../../src/domain/streams/stream-event.ts';

/** An answer, and the events that an upstream may stream it in. */
export interface StreamedAnswer {
  readonly answer: Record<string, unknown>;
  readonly events: readonly StreamEvent[];
}

/** Draws random values. */
export type Draw = fc.GeneratorValue;

/** Cuts a text or a list at random places. */
export function cut(value: string, draw: Draw): string[];
export function cut(value: readonly unknown[], draw: Draw): unknown[][];
export function cut(value: string | readonly unknown[], draw: Draw): unknown[] {
  const parts: unknown[] = [];
  for (let at = 0; at < value.length;) {
    const end = at + draw(() => fc.integer({ min: 1, max: 8 }));
    parts.push(value.slice(at, end));
    at = end;
  }
  return parts;
}

/** Takes from random lists until all are empty. Each list keeps its order. */
export function interleave<T>(lists: readonly (readonly T[])[], draw: Draw): T[] {
  const left = lists.map((list) => [...list]).filter((list) => list.length > 0);
  const all: T[] = [];
  while (left.length > 0) {
    const chosen = left.length === 1 ? 0 : draw(() => fc.nat(left.length - 1));
    all.push(...(left[chosen]?.splice(0, 1) ?? []));
    if (left[chosen]?.length === 0) left.splice(chosen, 1);
  }
  return all;
}
