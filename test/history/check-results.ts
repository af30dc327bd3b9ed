import type { SeenAnswer } from './history.ts';
import type { RequestHistory, SeenRecord } from './request-history.ts';
import { violation, type Violation } from './violation.ts';

/** G3: the bytes of results, recorded failures and terminal records. */
export function checkResults({ id, accepted, records, retried }: RequestHistory): Violation[] {
  const found: Violation[] = [];
  const terminal = records.filter(({ record }) => record.terminal);
  const results = resultsOf(accepted, terminal);
  if (results.size > 1) found.push(violation('twoResults', id, [...results].join(' | ')));

  const failures = new Set(
    accepted
      .filter(({ failureCode }) => failureCode !== null)
      .map(({ status, text }) => `${status ?? ''} ${text}`),
  );
  if (!retried && failures.size > 1) found.push(violation('twoResults', id, [...failures].join(' | ')));

  const changed = terminal.find(({ record, answer }) =>
    terminal.some(
      (other) =>
        other.record.run === record.run &&
        withoutResult(other.answer, other.record.result) !== withoutResult(answer, record.result),
    ),
  );
  if (changed !== undefined) {
    const versions = new Set(terminal.map(({ answer, record }) => withoutResult(answer, record.result)));
    found.push(violation('terminalChanged', id, [...versions].join(' | ')));
  }
  return found;
}

/** A request has at most one result, for a completed one cannot be retried. */
function resultsOf(accepted: readonly SeenAnswer[], terminal: readonly SeenRecord[]): Set<string> {
  const posted = accepted.filter(({ status }) => status === 200).map(({ text }) => text);
  const completed = terminal.filter(({ record }) => record.status === 'completed');
  const read = completed.map(({ answer, record }) => {
    // The record carries the upstream's own bytes, as a POST answers them.
    const same = posted.find((text) => answer.text.includes(text));
    return same ?? JSON.stringify(record.result);
  });
  return new Set(posted.length === 0 ? read : [...posted, ...read]);
}

function withoutResult(answer: SeenAnswer, result: unknown): string {
  return result === null ? answer.text : answer.text.replace(JSON.stringify(result), '...');
}
