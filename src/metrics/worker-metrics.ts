import type { AttemptObserver } from '../../activities/index.ts';
import type { LaneSnapshot } from '../domain/lane.ts';
import { isFailureCode } from '../domain/error-catalogue.ts';
import { RequestStatus } from '../domain/vocabulary.ts';
import type { RunObserver } from '../temporal/worker/create-worker.ts';
import type { MetricsRegistry } from './registry.ts';

/**
 * Creates the metrics of a worker process.
 *
 * @param lanes returns all lanes of the worker
 */
export function createWorkerMetrics(
  registry: MetricsRegistry,
  lanes: () => readonly LaneSnapshot[],
): AttemptObserver & RunObserver {
  observeLanes(registry, lanes);
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

function observeLanes(registry: MetricsRegistry, lanes: () => readonly LaneSnapshot[]): void {
  const each = (value: (lane: LaneSnapshot) => number | null) => () =>
    lanes().flatMap((lane) => {
      const now = value(lane);
      return now === null ? [] : [[{ lane: lane.id }, now] as const];
    });
  registry.series('reqrun_lane_state', () => lanes().map(({ id, state }) => [{ lane: id, state }, 1]));
  registry.series(
    'reqrun_lane_pace_calls_per_second',
    each(({ pace }) => pace),
  );
  registry.series(
    'reqrun_lane_waiting',
    each(({ waiting }) => waiting),
  );
  registry.series(
    'reqrun_lane_refused_total',
    each(({ refused }) => refused),
  );
  registry.series(
    'reqrun_lane_returned_total',
    each(({ returned }) => returned),
  );
}

/**
 * The value of the label `code`. A code that is not in the catalogue (recorded by another version) becomes
 * `internal_error`.
 */
function toCode(code: string | null): string {
  if (code === null) return 'none';
  return isFailureCode(code) ? code : 'internal_error';
}
