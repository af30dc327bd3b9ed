import type { RequestRecord } from '../../src/domain/record.ts';
import type { SeenCall } from './history.ts';
import type { RequestHistory } from './request-history.ts';
import { violation, type Violation } from './violation.ts';

/** G2 and G9: the upstream's journal against what the record says of its attempts. */
export function checkCalls(request: RequestHistory): Violation[] {
  const { id, final, calls, deleted } = request;
  if (deleted) return [];
  if (final === null) return calls.length > 0 ? callsWithoutRecord(request) : [];
  return [
    ...unrecordedCalls(id, final, calls),
    ...repeatedCalls(id, final, calls),
    ...unknownNotFlagged(id, final, calls),
    ...countedWithoutCall(id, final),
  ];
}

function callsWithoutRecord({ id, answers, accepted, calls }: RequestHistory): Violation[] {
  if (accepted.length > 0) return [];
  const posts = answers.filter(({ operation }) => operation === 'post');
  const refused = posts.every(({ status, text }) => status === 503 && text.includes('"service_unavailable"'));
  return [
    posts.length > 0 && refused
      ? violation('refusedButCalled', id, `${calls.length} calls after nothing but refusals`)
      : violation('unrecordedCall', id, `${calls.length} calls and no record`),
  ];
}

function unrecordedCalls(id: string, record: RequestRecord, calls: readonly SeenCall[]): Violation[] {
  if (calls.length > record.attempts) {
    return [violation('unrecordedCall', id, `${calls.length} calls, ${record.attempts} attempts`)];
  }
  const numbers = calls.map(({ attempt }) => attempt);
  const strange = numbers.find((number, at) => number > record.attempts || numbers.indexOf(number) !== at);
  return strange === undefined
    ? []
    : [violation('unrecordedCall', id, `attempt ${strange} was called twice or is not recorded`)];
}

function repeatedCalls(id: string, record: RequestRecord, calls: readonly SeenCall[]): Violation[] {
  const ran = calls.filter((call) => call.ran).length;
  if (ran < 2) return [];
  if (!record.possible_duplicate) {
    return [violation('silentDuplicate', id, `ran ${ran} times upstream, possible_duplicate is false`)];
  }
  // A retry by hand is the caller's own wish.
  return record.options.on_unknown_outcome === 'fail' && record.run === 1
    ? [violation('atMostOnceBroken', id, `ran ${ran} times upstream`)]
    : [];
}

/** An attempt that ended the request before it called, because of a cancellation or the deadline, is none. */
function countedWithoutCall(id: string, record: RequestRecord): Violation[] {
  const none = record.attempt_log.find(
    ({ outcome, phase, error_code }) =>
      outcome === 'not_run' &&
      phase === null &&
      (error_code === 'request_cancelled' || error_code === 'deadline_exceeded'),
  );
  return none === undefined
    ? []
    : [violation('countedWithoutCall', id, `attempt ${none.number} made no call (${none.error_code})`)];
}

function unknownNotFlagged(id: string, record: RequestRecord, calls: readonly SeenCall[]): Violation[] {
  const ran = new Set(calls.filter((call) => call.ran).map(({ attempt }) => attempt));
  const denied = record.attempt_log.find(
    ({ number, outcome }) => ran.has(number) && (outcome === 'not_run' || outcome === 'rejected'),
  );
  if (denied !== undefined) {
    return [violation('unknownNotFlagged', id, `attempt ${denied.number} ran, the record denies it`)];
  }
  const named = record.attempt_log.filter(
    ({ outcome }) => outcome === 'unknown' || outcome === 'lost',
  ).length;
  return named > record.unknown_attempts
    ? [violation('unknownNotFlagged', id, `${named} in the log, unknown_attempts ${record.unknown_attempts}`)]
    : [];
}
