import type { UpstreamEvent } from './journal.ts';

/**
 * How long after a fault each call that it broke off was made again. A call that had just been answered
 * counts as broken off when it was made again: its answer had not been reported.
 */
export function calledAgainAfterMs(
  { atMs, callers }: { readonly atMs: number; readonly callers: readonly string[] },
  journal: readonly UpstreamEvent[],
): number[] {
  const received = journal.filter(({ event }) => event === 'received');
  return received.flatMap((call) => {
    if (call.atMs > atMs || !callers.includes(call.caller) || !isSteady(call.model)) return [];
    if (hadEnded(journal, call.seq, atMs)) return [];
    const next = received.find(({ id, attempt }) => id === call.id && attempt > call.attempt);
    return next === undefined || next.atMs <= atMs ? [] : [next.atMs - atMs];
  });
}

const REPORT_MS = 50;

/** A script of one step never makes a second call necessary by itself. */
function isSteady(model: string): boolean {
  return !model.includes('+');
}

function hadEnded(journal: readonly UpstreamEvent[], seq: number, atMs: number): boolean {
  return journal.some(
    (event) => event.seq === seq && event.event !== 'received' && event.atMs < atMs - REPORT_MS,
  );
}
