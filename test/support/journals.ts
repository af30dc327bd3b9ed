import { beginAttempt, EMPTY_JOURNAL, endAttempt, type Journal } from '../../src/domain/journal.ts';

/** When every attempt of these journals begins and ends. */
export const ATTEMPTED_AT = '2026-11-24T00:00:00.000Z';

/** The journal after so many attempts, each refused by an overloaded upstream. */
export function refusedAttempts(count: number, start: Journal = EMPTY_JOURNAL): Journal {
  let journal = start;
  for (let attempt = 1; attempt <= count; attempt += 1) {
    journal = endAttempt(beginAttempt(journal, attempt, ATTEMPTED_AT), {
      status: 'failed',
      outcome: 'not_run',
      billed: 'no',
      phase: 'headers',
      finished_at: ATTEMPTED_AT,
      duration_ms: 1,
      upstream_status: 503,
      upstream_request_id: null,
      error_code: 'upstream_overloaded',
      retry_after_ms: null,
    });
  }
  return journal;
}
