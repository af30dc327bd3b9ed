import { byRequest, type RequestHistory } from '../history/request-history.ts';
import type { ViolationKind } from '../history/violation.ts';
import { calledAgainAfterMs } from './recovery.ts';
import type { FaultRunResult, MadeFault } from './run-faults.ts';

const HEAD = [
  'fault',
  'times',
  'requests',
  'lost',
  'silent duplicates',
  'unknown flagged',
  'ready after (ms)',
  'called again after (ms)',
];
const LOST: readonly ViolationKind[] = ['lost', 'unfinished'];
const SILENT: readonly ViolationKind[] = ['silentDuplicate', 'unrecordedCall'];

/** One line a kind of fault: what it met, and what became of that. Times are median / worst. */
export function faultTable(result: FaultRunResult): string {
  const { made, history, journal } = result;
  const requests = byRequest(history);
  const kinds = new Map<string, MadeFault[]>();
  for (const one of made) kinds.set(one.fault.name, [...(kinds.get(one.fault.name) ?? []), one]);
  const rows = [...kinds].map(([name, faults]) => {
    const met = requests.filter((request) => faults.some((fault) => isOpenAt(request, fault)));
    const ids = new Set(met.map(({ id }) => id));
    const count = (kindsOf: readonly ViolationKind[]): number =>
      new Set(
        result.violations.filter(({ id, kind }) => ids.has(id) && kindsOf.includes(kind)).map(({ id }) => id),
      ).size;
    return [
      name,
      faults.length,
      met.length,
      count(LOST),
      count(SILENT),
      met.filter(({ final }) => (final?.unknown_attempts ?? 0) > 0).length,
      medianAndWorst(faults.map(({ readyAfterMs }) => readyAfterMs)),
      medianAndWorst(faults.flatMap((fault) => calledAgainAfterMs(fault, journal))),
    ].map(String);
  });
  return alignedTable([HEAD, ...rows]);
}

/** By the record's own times; a request whose record is gone counts from its first answer on. */
function isOpenAt({ answers, final }: RequestHistory, { atMs, atClientMs }: MadeFault): boolean {
  if (final === null) return answers.some(({ startedMs }) => startedMs <= atClientMs);
  const endMs = final.completed_at === null ? Infinity : Date.parse(final.completed_at);
  return Date.parse(final.created_at) <= atMs && atMs <= endMs;
}

function medianAndWorst(values: readonly number[]): string {
  if (values.length === 0) return '-';
  const sorted = [...values].sort((one, other) => one - other);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return `${Math.round(median)} / ${Math.round(sorted.at(-1) ?? 0)}`;
}

function alignedTable(rows: readonly string[][]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}
