/** The rows of the benchmark. `standard` = measured by a run without `--only`. */
export const ROWS = {
  'one-at-a-time': { standard: true, what: 'added p50 and p99, one call at a time' },
  ceiling: { standard: true, what: 'requests a second and CPU per request, in a closed loop' },
  'half-load': { standard: true, what: 'p50 and p99 in an open loop at half of the ceiling' },
  memory: {
    standard: true,
    what: 'memory per 1,000 requests in flight, separately for application and server',
  },
  recovery: { standard: true, what: 'time from kill -9 until every interrupted call has been made again' },
  'cold-start': { standard: true, what: 'time from the start without any state to the first answer' },
  duplicates: { standard: true, what: 'upstream calls for keys that are each posted five times at once' },
  held: { standard: false, what: 'errors among callers held by one process' },
  'in-flight': { standard: false, what: 'memory per upstream call with many at once in one worker' },
  responses: {
    standard: false,
    what: 'Responses against chat completions: held calls, and create with background',
  },
  streams: {
    standard: false,
    what: 'streams against the upstream itself and Plain: first event, gaps, CPU, memory, and with Redis between',
  },
  sizes: {
    standard: false,
    what: 'bodies of 10 KB to 40 MB against a direct call: added p50, memory, stalls of the event loop',
  },
  crowd: { standard: false, what: 'crowds at a limited upstream, by case (below)' },
  'long-call': { standard: false, what: 'one call that takes minutes, its answer fetched by polling' },
} as const;

export type Row = keyof typeof ROWS;

export const isRow = (name: string): name is Row => Object.hasOwn(ROWS, name);

export const ALL_ROWS: readonly Row[] = Object.keys(ROWS).filter(isRow);

export const STANDARD_ROWS: readonly Row[] = ALL_ROWS.filter((row) => ROWS[row].standard);
