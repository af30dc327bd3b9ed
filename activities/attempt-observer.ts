import type { AttemptEnd } from '../src/domain/journal.ts';

/** Told of the upstream calls that a worker makes. */
export interface AttemptObserver {
  callBegan(): void;
  /** Once for each call that began, whatever became of it. */
  callEnded(): void;
  attemptEnded(end: Pick<AttemptEnd, 'outcome' | 'error_code' | 'duration_ms'>): void;
}
