import { LRUCache } from 'lru-cache';
import type { RunState } from './read-run.ts';

/** What was read of closed runs, by run id. A closed run changes no more, whoever reads it. */
export interface ClosedRuns {
  get(runId: string): RunState | undefined;
  keep(runId: string, state: RunState): void;
}

/** Of all that is kept; some ten thousand usual answers. */
const MAX_BYTES = 16 * 1024 * 1024;
/** A larger one would push out hundreds. */
const MAX_ENTRY_BYTES = 256 * 1024;
/** Of a state without its result and journal, and of an attempt: about. */
const STATE_BYTES = 500;
const ATTEMPT_BYTES = 500;

export function createClosedRuns(maxBytes = MAX_BYTES): ClosedRuns {
  const states = new LRUCache<string, RunState>({
    maxSize: maxBytes,
    maxEntrySize: MAX_ENTRY_BYTES,
    sizeCalculation: ({ result, journal }) =>
      STATE_BYTES + (result?.byteLength ?? 0) + ATTEMPT_BYTES * journal.entries.length,
  });
  return {
    get: (runId) => states.get(runId),
    keep: (runId, { result, ...state }) => {
      // A view of the whole message it came in, prompt and all; a copy holds what is counted.
      const copy = result === null ? null : new Uint8Array(result);
      states.set(runId, { ...state, result: copy });
    },
  };
}
