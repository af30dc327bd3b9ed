import { z } from 'zod';
import { RequestStatus } from '../../src/domain/vocabulary.ts';
import { isBefore, type SeenAnswer } from './history.ts';
import { isAcceptance, type RequestHistory } from './request-history.ts';
import { responseIn } from './seen-response.ts';
import { violation, type Violation } from './violation.ts';

/** What one answer says of how far a request is; null where it does not say. */
interface SeenState {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly run: number | null;
  readonly status: RequestStatus;
  readonly attempts: number | null;
}

const Pending = z.object({ status: z.enum(RequestStatus), attempts: z.number() });
const RANK: Readonly<Record<RequestStatus, number>> = {
  queued: 0,
  processing: 1,
  retrying: 1,
  completed: 2,
  failed: 2,
  cancelled: 2,
};
const TERMINAL = 2;

/** G10: status, attempts and run over time, as far as the order of two answers is known. */
export function checkOrder(request: RequestHistory): Violation[] {
  const states = seenStates(request);
  const pairs = states.flatMap((later) =>
    states.filter((earlier) => isBefore(earlier, later)).map((earlier) => ({ earlier, later })),
  );
  const found: Violation[] = [];
  const note = (kind: Violation['kind'], holds: (pair: Pair) => boolean): void => {
    const pair = pairs.find(holds);
    if (pair !== undefined) found.push(violation(kind, request.id, told(pair)));
  };
  note('runShrank', ({ earlier, later }) => (later.run ?? Infinity) < (earlier.run ?? 0));
  note('attemptsShrank', ({ earlier, later }) => (later.attempts ?? Infinity) < (earlier.attempts ?? 0));
  note('statusBackwards', ({ earlier, later }) => {
    if (earlier.run === null || earlier.run !== later.run) return false;
    if (RANK[earlier.status] === TERMINAL) return later.status !== earlier.status;
    return RANK[later.status] < RANK[earlier.status];
  });
  return found;
}

interface Pair {
  readonly earlier: SeenState;
  readonly later: SeenState;
}

function told({ earlier, later }: Pair): string {
  const say = ({ run, status, attempts, startedMs, endedMs }: SeenState): string =>
    `run ${run ?? '?'} ${status} (${attempts ?? '?'} attempts, ${Math.round(startedMs)}..${Math.round(endedMs)} ms)`;
  return `${say(earlier)}, then ${say(later)}`;
}

function seenStates({ answers, records, retried }: RequestHistory): SeenState[] {
  const fromRecords = records.map(({ answer, record }) => ({ ...times(answer), ...stateOf(record) }));
  const run = retried ? null : 1;
  const fromPosts = answers
    .filter((answer) => isAcceptance(answer) && responseIn(answer) === null)
    .map((answer) => ({ ...times(answer), run, ...postState(answer) }));
  const fromResponses = answers.flatMap((answer) => {
    const response = responseIn(answer);
    return response === null ? [] : [{ ...times(answer), run, status: response.status, attempts: null }];
  });
  return [...fromRecords, ...fromPosts, ...fromResponses];
}

function stateOf(record: { run: number; status: RequestStatus; attempts: number }): {
  run: number;
  status: RequestStatus;
  attempts: number;
} {
  return { run: record.run, status: record.status, attempts: record.attempts };
}

function postState({ status, text, failureCode }: SeenAnswer): {
  status: RequestStatus;
  attempts: number | null;
} {
  if (status === 200) return { status: RequestStatus.completed, attempts: null };
  if (status === 202) return Pending.parse(JSON.parse(text));
  return {
    status: failureCode === 'request_cancelled' ? RequestStatus.cancelled : RequestStatus.failed,
    attempts: null,
  };
}

function times({ startedMs, endedMs }: SeenAnswer): { startedMs: number; endedMs: number } {
  return { startedMs, endedMs };
}
