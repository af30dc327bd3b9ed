import { REFUSALS } from '../domain/error-catalogue.ts';
import type { AcceptanceObserver } from '../temporal/store/dependencies.ts';
import type { MetricsRegistry } from './registry.ts';
import type { AnsweredCall, HttpObserver } from '../http/app-types.ts';

/** What the API is handling now: calls of each kind, and how long a new one has to wait. */
export interface ApiCounts {
  readonly accepting: () => number;
  /** Time in ms until a POST that comes now has its turn. */
  readonly expectedMs: () => number;
  readonly reading: () => number;
  readonly waiters: () => number;
}

/**
 * Methods with a label value of their own; all others share `other`. Node knows 35 methods, and each would
 * add a series per route.
 */
const METHODS: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']);
/** Nginx's status for a connection that ended before the answer. */
const NOT_ANSWERED = 499;

/** Creates the metrics of an API process. */
export function createApiMetrics(
  registry: MetricsRegistry,
  counts: ApiCounts,
): HttpObserver & AcceptanceObserver {
  const requests = registry.counter('reqrun_http_requests_total');
  const duration = registry.histogram('reqrun_http_request_duration_seconds');
  const accepted = registry.counter('reqrun_requests_accepted_total');
  const replayed = registry.counter('reqrun_requests_replayed_total');
  const refusals = registry.counter('reqrun_refusals_total');
  // Every series starts at 0, so that the first refusal shows as an increase.
  for (const code of [...Object.keys(REFUSALS), 'internal_error']) refusals({ code }, 0);
  registry.gauge('reqrun_requests_accepting', counts.accepting);
  registry.gauge('reqrun_accept_seconds', () => counts.expectedMs() / 1_000);
  registry.gauge('reqrun_requests_reading', counts.reading);
  registry.gauge('reqrun_waiters', counts.waiters);
  return {
    answered({ method: given, route: pattern, status, seconds }: AnsweredCall) {
      const method = METHODS.has(given) ? given : 'other';
      const route = pattern ?? 'unmatched';
      requests({ method, route, status: String(status ?? NOT_ANSWERED) });
      duration(seconds, { method, route });
    },
    refused: (code) => refusals({ code }),
    accepted: () => accepted({}),
    replayed: () => replayed({}),
  };
}
