import { total } from '../machine/usage.ts';
import type { Summary } from './summary.ts';

/** One row of figures, for the table and the plot. */
export interface FigureRow {
  readonly title: string;
  readonly unit: string;
  readonly better: 'less' | 'more';
  readonly of: (summary: Summary) => number | null;
}

const MIB = 2 ** 20;

/** The rows that are measured for several systems. */
export const FIGURES: readonly FigureRow[] = [
  { title: 'added p50, one at a time', unit: 'ms', better: 'less', of: ({ addedP50Ms }) => addedP50Ms },
  { title: 'added p99, one at a time', unit: 'ms', better: 'less', of: ({ addedP99Ms }) => addedP99Ms },
  {
    title: 'added p50, half of the ceiling',
    unit: 'ms',
    better: 'less',
    of: ({ halfLoadAddedP50Ms }) => halfLoadAddedP50Ms,
  },
  {
    title: 'added p99, half of the ceiling',
    unit: 'ms',
    better: 'less',
    of: ({ halfLoadAddedP99Ms }) => halfLoadAddedP99Ms,
  },
  { title: 'requests a second', unit: '/s', better: 'more', of: ({ perSecond }) => perSecond },
  { title: 'CPU per request', unit: 'ms', better: 'less', of: ({ cpuMs }) => cpuMs },
  {
    title: 'memory per 1,000 in flight',
    unit: 'MiB',
    better: 'less',
    of: ({ memory }) => (memory === null ? null : total(memory) / MIB),
  },
  {
    title: '… of the application',
    unit: 'MiB',
    better: 'less',
    of: ({ memory }) => (memory === null ? null : memory.app / MIB),
  },
  {
    title: '… of the server',
    unit: 'MiB',
    better: 'less',
    of: ({ memory }) => (memory === null ? null : memory.server / MIB),
  },
  {
    title: 'kill -9 to all calls made again',
    unit: 's',
    better: 'less',
    of: ({ recoveryMs }) => (recoveryMs === null ? null : recoveryMs / 1_000),
  },
  {
    title: 'cold start to the first answer',
    unit: 's',
    better: 'less',
    of: ({ coldStartMs }) => (coldStartMs === null ? null : coldStartMs / 1_000),
  },
];

/** Formats with three significant digits, and separators between thousands. */
export function format(value: number | null): string {
  if (value === null) return '–';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits });
}
