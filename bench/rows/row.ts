/** The rows of the benchmark; `standard`: what a run without `--only` measures. */
export const ROWS = {
  'one-at-a-time': { standard: true, what: 'added p50 and p99, one call at a time' },
  ceiling: { standard: true, what: 'requests a second and CPU per request, in a closed loop' },
  'half-load': { standard: true, what: 'p50 and p99 in an open loop at half of the ceiling' },
  memory: { standard: true, what: 'memory per 1,000 requests in flight, application and server apart' },
  recovery: { standard: true, what: 'from kill -9 to every interrupted call made again' },
  'cold-start': { standard: true, what: 'from nothing to the first answer' },
  duplicates: { standard: true, what: 'keys posted five times at once: upstream calls' },
  held: { standard: false, what: 'callers held by one process: errors' },
  'in-flight': { standard: false, what: 'upstream calls at once in one worker: memory of each' },
  'long-call': { standard: false, what: 'one call of minutes, its answer fetched by polling' },
} as const;

export type Row = keyof typeof ROWS;

export const isRow = (name: string): name is Row => Object.hasOwn(ROWS, name);

export const ALL_ROWS: readonly Row[] = Object.keys(ROWS).filter(isRow);

export const STANDARD_ROWS: readonly Row[] = ALL_ROWS.filter((row) => ROWS[row].standard);
