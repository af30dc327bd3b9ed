import { LRUCache } from 'lru-cache';
import { isBlobRef } from '../../domain/raw-json.ts';
import type { RunState } from './read-run.ts';

/**
 * Cache of the states of closed runs, by run id. It never goes stale, because a closed run does not change.
 */
export interface ClosedRuns {
  get(runId: string): RunState | undefined;
  keep(runId: string, state: RunState): void;
}

/** Limit for the whole cache: about ten thousand typical results. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Larger entries are not cached, because each would evict hundreds of others. */
const MAX_ENTRY_BYTES = 256 * 1024;
/** Approximate size of a state without its result and journal, and of one attempt. */
const STATE_BYTES = 500;
const ATTEMPT_BYTES = 500;

export function createClosedRuns(maxBytes = MAX_BYTES): ClosedRuns {
  const states = new LRUCache<string, RunState>({
    maxSize: maxBytes,
    maxEntrySize: MAX_ENTRY_BYTES,
    sizeCalculation: ({ result, journal }) =>
      STATE_BYTES +
      (result === null || isBlobRef(result) ? 0 : result.byteLength) +
      ATTEMPT_BYTES * journal.entries.length,
  });
  return {
    get: (runId) => states.get(runId),
    keep: (runId, { result, ...state }) => {
      // `result` is a view into the whole gRPC message, prompt included. A copy keeps only the counted bytes
      // in memory.
      const copy = result === null || isBlobRef(result) ? result : new Uint8Array(result);
      states.set(runId, { ...state, result: copy });
    },
  };
}
