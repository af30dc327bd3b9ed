/**
 * All metrics of ReqRun. The registry is built from this table, and the table in docs/operations.md is
 * generated from it.
 */

interface CatalogueEntry {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /**
   * Label names. Each label has a bounded number of values: never an id, a model, a project, a path or other
   * input. A lane is a hash, and a worker has at most 1,000.
   */
  readonly labels: readonly string[];
  /** One sentence for operators, in the scrape and in docs/operations.md. */
  readonly help: string;
  /** The upper bounds of the buckets of a histogram, in its unit. */
  readonly buckets?: readonly number[];
}

/** Buckets from an immediate answer to the full wait of a caller (240 s by default). */
const ANSWER_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 240];
/** Buckets from a refused call to the longest attempt by default (600 s). */
const CALL_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600];

export const METRICS = {
  reqrun_build_info: {
    type: 'gauge',
    labels: ['version'],
    help: 'Always 1; the version is in the label.',
  },
  reqrun_http_requests_total: {
    type: 'counter',
    labels: ['method', 'route', 'status'],
    help: 'HTTP requests by route pattern (unmatched: no route matched); status 499: the connection ended before the answer.',
  },
  reqrun_http_request_duration_seconds: {
    type: 'histogram',
    labels: ['method', 'route'],
    help: 'Seconds from the head of the request to the end of its answer, including waits.',
    buckets: ANSWER_SECONDS,
  },
  reqrun_requests_accepted_total: {
    type: 'counter',
    labels: [],
    help: 'Requests that Temporal has stored on disk, counted when Temporal confirms it.',
  },
  reqrun_requests_replayed_total: {
    type: 'counter',
    labels: [],
    help: 'Calls that joined an existing request with the same key, running or ended.',
  },
  reqrun_refusals_total: {
    type: 'counter',
    labels: ['code'],
    help: 'Calls answered with an error code of this service (overloaded, rate_limited, ...), on any route.',
  },
  reqrun_requests_accepting: {
    type: 'gauge',
    labels: [],
    help: 'Calls that Temporal has not accepted yet; at most REQRUN_MAX_ACCEPTING.',
  },
  reqrun_accept_seconds: {
    type: 'gauge',
    labels: [],
    help: 'Seconds until a POST that comes now would be accepted; over REQRUN_ACCEPT_SECONDS it is refused; 0: at once, or not known.',
  },
  reqrun_requests_reading: {
    type: 'gauge',
    labels: [],
    help: 'GETs that Temporal has not answered yet; at most REQRUN_MAX_READING.',
  },
  reqrun_waiters: {
    type: 'gauge',
    labels: [],
    help: 'Callers that wait for a result; at most REQRUN_MAX_WAITERS.',
  },
  reqrun_upstream_calls_in_flight: {
    type: 'gauge',
    labels: [],
    help: 'Upstream calls in flight in this worker; at most REQRUN_MAX_ATTEMPTS_IN_FLIGHT.',
  },
  reqrun_attempts_total: {
    type: 'counter',
    labels: ['outcome', 'code'],
    help: 'Upstream calls that have ended, by outcome and by error code (none: the call succeeded).',
  },
  reqrun_attempt_duration_seconds: {
    type: 'histogram',
    labels: ['outcome'],
    help: 'Duration of an upstream call in seconds.',
    buckets: CALL_SECONDS,
  },
  reqrun_lane_state: {
    type: 'gauge',
    labels: ['lane', 'state'],
    help: '1 for the state that a lane is in (open, paced, waiting, probing). The lane is a hash of upstream, key and model.',
  },
  reqrun_lane_pace_calls_per_second: {
    type: 'gauge',
    labels: ['lane'],
    help: 'Calls per second that the lane lets out in this worker. Absent: not limited.',
  },
  reqrun_lane_waiting: {
    type: 'gauge',
    labels: ['lane'],
    help: 'Requests that wait for their turn in the lane.',
  },
  reqrun_lane_refused_total: {
    type: 'counter',
    labels: ['lane'],
    help: 'Calls of the lane that the upstream refused because of load.',
  },
  reqrun_lane_returned_total: {
    type: 'counter',
    labels: ['lane'],
    help: 'Attempts that were sent back to Temporal to wait for their turn. They made no call.',
  },
  reqrun_runs_ended_total: {
    type: 'counter',
    labels: ['status', 'code'],
    help: 'Runs of requests that ended on this worker, by error code (none: completed); a run may be counted twice if a workflow task was lost.',
  },
} as const satisfies Record<string, CatalogueEntry>;

export type MetricName = keyof typeof METRICS;
/** The names of the metrics of one type. */
export type MetricOf<Type extends CatalogueEntry['type']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never;
}[MetricName];
