import type { AttemptObserver } from '../../activities/index.ts';
import { isFailureCode } from '../domain/error-catalogue.ts';
import { RequestStatus } from '../domain/vocabulary.ts';
import type { RunObserver } from '../temporal/worker/create-worker.ts';
import type { MetricsRegistry } from './registry.ts';

/** Creates the metrics of a worker process. */
export function createWorkerMetrics(registry: MetricsRegistry): AttemptObserver & RunObserver {
  const attempts = registry.counter('reqrun_attempts_total');
  const duration = registry.histogram('reqrun_attempt_duration_seconds');
  const runs = registry.counter('reqrun_runs_ended_total');
  let inFlight = 0;
  registry.gauge('reqrun_upstream_calls_in_flight', () => inFlight);
  return {
    callBegan: () => void (inFlight += 1),
    callEnded: () => void (inFlight -= 1),
    attemptEnded({ outcome: known, error_code, duration_ms }) {
      const outcome = known ?? 'unknown';
      attempts({ outcome, code: toCode(error_code) });
      duration((duration_ms ?? 0) / 1000, { outcome });
    },
    runEnded(run) {
      const code = toCode(run.kind === 'completed' ? null : run.error.code);
      const ended = code === 'request_cancelled' ? RequestStatus.cancelled : run.kind;
      runs({ status: ended, code });
    },
  };
}

/**
 * The value of the label `code`. A code that is not in the catalogue (recorded by another version) becomes
 * `internal_error`.
 */
function toCode(code: string | null): string {
  if (code === null) return 'none';
  return isFailureCode(code) ? code : 'internal_error';
}
