import { RequestStatus } from '../../src/domain/vocabulary.ts';
import type { SeenAnswer } from './history.ts';
import type { RequestHistory, SeenRecord } from './request-history.ts';
import { comparable, responseIn, type SeenResponse } from './seen-response.ts';
import { violation, type Violation } from './violation.ts';

/** G3: the bytes of results, recorded failures and terminal records. */
export function checkResults({ id, answers, accepted, records, retried }: RequestHistory): Violation[] {
  const responses = answers.flatMap((answer) => responseIn(answer) ?? []);
  const found: Violation[] = [];
  const terminal = records.filter(({ record }) => record.terminal);
  const results = resultsOf(accepted, terminal, responses);
  if (results.size > 1) found.push(violation('twoResults', id, [...results].join(' | ')));
  else found.push(...differingResponses(id, responses, retried));

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

/** Every reader of a finished Response gets the same bytes, and of a failed one the same error. */
function differingResponses(id: string, responses: readonly SeenResponse[], retried: boolean): Violation[] {
  const results = new Set(responses.flatMap(({ result }) => result ?? []));
  const failed = responses.filter(({ status }) => status === RequestStatus.failed);
  const errors = new Set(retried ? [] : failed.map(({ error }) => JSON.stringify(error)));
  return [results, errors]
    .filter(({ size }) => size > 1)
    .map((versions) => violation('twoResults', id, [...versions].join(' | ')));
}

/** A request has at most one result, for a completed one cannot be retried. */
function resultsOf(
  accepted: readonly SeenAnswer[],
  terminal: readonly SeenRecord[],
  responses: readonly SeenResponse[],
): Set<string> {
  const shown = responses.flatMap(({ result }) => (result === null ? [] : [comparable(JSON.parse(result))]));
  if (shown.length > 0) {
    const results = terminal
      .filter(({ record }) => record.status === 'completed')
      .map(({ record }) => record.result);
    return new Set([...shown, ...results.map(comparable)]);
  }
  // A POST of responses that shows no result is not one.
  const posted = accepted
    .filter(({ status, isResponse }) => status === 200 && !isResponse)
    .map(({ text }) => text);
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
