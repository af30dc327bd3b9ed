import { isObject } from '../domain/raw-json.ts';
import type { Attempt, RequestRecord } from '../domain/record.ts';
import { readStrictJson } from '../domain/strict-json.ts';
import { WaitingFor } from '../domain/vocabulary.ts';

/** Writes a table with aligned columns and two spaces between them. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, index) => Math.max(all[index] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Writes a record for a person: its state, its attempts and where to look further. */
export function renderRecord(record: RequestRecord): string {
  const { error, temporal } = record;
  const facts: [string, string | null][] = [
    ['request', record.id],
    [
      'status',
      record.status + (record.cancel_requested && !record.terminal ? ', cancellation requested' : ''),
    ],
    ['operation', `${record.operation}, model ${record.model}`],
    ['run', String(record.run)],
    ['attempts', `${record.attempts}${record.max_attempts === null ? '' : ` of ${record.max_attempts}`}`],
    ['created', record.created_at],
    ['ended', record.completed_at],
    ['deadline', record.terminal ? null : record.deadline_at],
    ['next attempt', record.next_attempt_at],
    ['error', error === null ? null : `${error.code} (${error.reason}): ${error.message}`],
    [
      'duplicate',
      record.possible_duplicate ? 'possible: see the attempts with outcome unknown or lost' : null,
    ],
    ['temporal', temporal.url],
  ];
  const head = table(facts.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
  return record.attempt_log.length === 0 ? head : `${head}\n\n${renderAttempts(record.attempt_log)}`;
}

function renderAttempts(attempts: readonly Attempt[]): string {
  const rows = attempts.map(({ number, status, outcome, error_code, upstream_status, duration_ms }) => [
    String(number),
    status,
    outcome ?? '-',
    upstream_status === null ? '-' : String(upstream_status),
    error_code ?? '-',
    duration_ms === null ? '-' : `${duration_ms} ms`,
  ]);
  return table([['attempt', 'status', 'outcome', 'upstream', 'code', 'took'], ...rows]);
}

/** Describes what a request is doing and why it waits, in one line that fits into 80 columns as a rule. */
export function describeProgress(record: RequestRecord, nowMs: number): string {
  const cancelled = record.cancel_requested && !record.terminal ? ', cancellation requested' : '';
  return `${record.id}  ${describeStatus(record, nowMs)}${cancelled}`;
}

function describeStatus(record: RequestRecord, nowMs: number): string {
  const { status, attempts, terminal, next_attempt_at, last_error_code, waiting_for } = record;
  if (terminal) return `${status}, attempts: ${attempts}`;
  const leftSeconds = next_attempt_at === null ? 0 : Math.ceil((Date.parse(next_attempt_at) - nowMs) / 1000);
  const when = leftSeconds > 0 ? `in ${leftSeconds} s` : 'is due';
  switch (waiting_for) {
    case WaitingFor.worker:
      return `${status}, waits for a worker`;
    case WaitingFor.startTime:
      return `${status}, attempt ${attempts + 1} ${when}, at its run_at`;
    case WaitingFor.pacing:
      return `${status}, ${record.waiting_reason ?? 'waits for its turn at the upstream'}`;
    case WaitingFor.retry:
      return `${status} (${last_error_code ?? 'unknown'}), attempt ${attempts + 1} ${when}`;
    case null:
      return `${status}, attempt ${attempts} runs`;
  }
}

/**
 * Returns the text of the result in a record's text, with every digit of its numbers.
 *
 * @param indent whether to indent it for a person. A result with numbers that would be rounded stays as it is
 */
export function resultText(recordText: string, indent: boolean): string {
  const read = readStrictJson(recordText);
  const value: unknown = 'fault' in read ? JSON.parse(recordText) : read.value;
  const result: unknown = isObject(value) ? value['result'] : null;
  if ('fault' in read) return JSON.stringify(result);
  if (indent && read.rounded.length === 0) return JSON.stringify(result, null, 2);
  const member = read.members.find(({ name }) => name === 'result');
  return member === undefined
    ? JSON.stringify(result)
    : recordText.slice(member.start, member.end).replace(/^"result"\s*:\s*/, '');
}
