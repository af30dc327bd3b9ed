import { describe, expect, it } from 'vitest';
import { RequestOptions } from '../../src/domain/options.ts';
import { checkHistory } from '../history/check-history.ts';
import type { History, SeenAnswer, SeenCall } from '../history/history.ts';
import {
  accepted,
  answerAt,
  attempt,
  call,
  goodHistory,
  processing,
  record,
  refusal,
  shows,
  showsResponse,
} from '../history/good-history.ts';
import { GUARANTEES, type ViolationKind } from '../history/violation.ts';

function kindsIn(history: History): ViolationKind[] {
  return checkHistory(history).map(({ kind }) => kind);
}

function withAnswers(...more: SeenAnswer[]): History {
  const good = goodHistory();
  return { ...good, answers: [...good.answers, ...more] };
}

function withCalls(...calls: SeenCall[]): History {
  return { ...goodHistory(), calls };
}

/** Every record that shows a completed request is replaced. */
function withFinal(fields: Parameters<typeof record>[1], calls = goodHistory().calls): History {
  const good = goodHistory();
  const answers = good.answers.map((answer) =>
    answer.operation === 'get' && answer.text.includes('"completed"')
      ? { ...answer, ...shows(record('k', fields)) }
      : answer,
  );
  return { ...good, calls, answers };
}

function upTo(ms: number, ...more: SeenAnswer[]): History {
  const good = goodHistory();
  return { ...good, answers: [...good.answers.filter(({ endedMs }) => endedMs < ms), ...more] };
}

/** A request that is spoken of as a Response, and as a record. */
function withResponses(...more: SeenAnswer[]): History {
  const completed = record('k', {
    operation: 'responses',
    result: { id: 'resp_1', status: 'completed', error: null, output: [] },
  });
  const answers = [
    answerAt(0, { operation: 'post', sent: 'a', ...showsResponse('queued') }),
    answerAt(20, showsResponse('in_progress')),
    answerAt(100, shows(completed)),
    answerAt(110, {
      operation: 'post',
      sent: 'a',
      replayed: true,
      ...showsResponse('completed', { output: [] }),
    }),
    answerAt(500, shows(completed)),
  ];
  return { quietAtMs: 500, calls: [call(1), call(2)], answers: [...answers, ...more] };
}

/** One planted fault of each kind; some in more than one shape. */
const PLANTED: readonly (readonly [kind: ViolationKind, what: string, history: History])[] = [
  [
    'lost',
    'an answered id is gone when all is quiet',
    upTo(500, answerAt(500, refusal(404, 'request_not_found'))),
  ],
  ['lost', 'nobody could read an answered id when all was quiet', upTo(500)],
  [
    'unfinished',
    'a run is still going when all is quiet',
    { ...upTo(100, answerAt(500, shows(processing('k')))), calls: [call(1)] },
  ],
  ['unrecordedCall', 'more calls than attempts', withCalls(call(1), call(2), call(3))],
  ['unrecordedCall', 'one attempt called twice', withFinal({ attempts: 3 }, [call(1), call(2), call(2)])],
  ['unrecordedCall', 'a call that no record knows', { ...withCalls(call(1)), answers: [] }],
  [
    'atMostOnceBroken',
    'work that may have run is done again against the options',
    withFinal({ options: RequestOptions.parse({ on_unknown_outcome: 'fail' }) }),
  ],
  ['silentDuplicate', 'the work was done twice and nobody says so', withFinal({ possible_duplicate: false })],
  [
    'unknownNotFlagged',
    'an attempt that ran is recorded as not run',
    withFinal({ attempt_log: [attempt(1, { outcome: 'not_run' }), attempt(2, { outcome: 'completed' })] }),
  ],
  ['unknownNotFlagged', 'an unknown attempt is not counted', withFinal({ unknown_attempts: 0 })],
  [
    'countedWithoutCall',
    'an attempt that the deadline kept from its call is counted',
    withFinal({
      attempts: 3,
      attempt_log: [
        attempt(1, { outcome: 'unknown' }),
        attempt(2, { outcome: 'completed' }),
        attempt(3, { outcome: 'not_run', phase: null, error_code: 'deadline_exceeded' }),
      ],
    }),
  ],
  [
    'twoResults',
    'a reader of the record sees another result',
    withAnswers(answerAt(600, shows(record('k', { result: { content: 'b' } })))),
  ],
  [
    'twoResults',
    'a replay has other bytes',
    withAnswers(answerAt(600, { operation: 'post', sent: 'a', text: '{"content": "a"}', replayed: true })),
  ],
  [
    'twoResults',
    'a Response has another output than the record',
    withResponses(answerAt(600, showsResponse('completed', { output: [1] }))),
  ],
  [
    'twoResults',
    'a Response has other bytes for another reader',
    withResponses(answerAt(600, showsResponse('completed', { output: [], background: true }))),
  ],
  [
    'twoIds',
    'a Response changes its id',
    withResponses(answerAt(60, showsResponse('in_progress', { id: 'x' }))),
  ],
  [
    'statusBackwards',
    'a Response is in progress after its end',
    withResponses(answerAt(600, showsResponse('in_progress'))),
  ],
  [
    'terminalChanged',
    'a terminal record has another time later',
    withAnswers(answerAt(600, shows(record('k', { expires_at: null })))),
  ],
  [
    'twoIds',
    'a key is answered with another id',
    withAnswers(answerAt(600, { ...accepted('completed', 2), id: 'rr_2', replayed: true })),
  ],
  ['twoIds', 'two POSTs of a key are the first', withAnswers(answerAt(600, accepted('completed', 2)))],
  [
    'mismatchAccepted',
    'another body is answered with the first one’s record',
    withAnswers(answerAt(600, { ...accepted('completed', 2), sent: 'b', replayed: true })),
  ],
  [
    'ownBodyRefused',
    'the same body is a 422',
    withAnswers(answerAt(600, { operation: 'post', sent: 'a', ...refusal(422, 'idempotency_key_reused') })),
  ],
  [
    'refusedButCalled',
    'a refused request was executed',
    {
      ...withCalls(call(1)),
      answers: [answerAt(0, { operation: 'post', sent: 'a', ...refusal(503, 'service_unavailable') })],
    },
  ],
  [
    'statusBackwards',
    'a reader sees queued after processing',
    withAnswers(answerAt(60, shows(processing('k', { status: 'queued' })))),
  ],
  [
    'statusBackwards',
    'a joiner sees processing after completed',
    withAnswers(answerAt(600, { ...accepted('processing', 2), replayed: true })),
  ],
  [
    'attemptsShrank',
    'a reader sees fewer attempts',
    withAnswers(answerAt(60, shows(processing('k', { attempts: 0 })))),
  ],
  [
    'runShrank',
    'a reader sees an earlier run',
    withAnswers(answerAt(60, shows(processing('k', { run: 2, attempts: 1 })))),
  ],
  [
    'notFoundAfterAnswer',
    'a record is not found after its 202',
    withAnswers(answerAt(60, refusal(404, 'request_not_found'))),
  ],
  ['unexpectedAnswer', 'a 500', withAnswers(answerAt(60, refusal(500, 'internal_error')))],
  ['unexpectedAnswer', 'a 503 that is not JSON', withAnswers(answerAt(60, { status: 503, text: 'oops' }))],
];

describe('the history checker', () => {
  it('passes a history in which every guarantee held, so that a violation means something', () => {
    expect(checkHistory(goodHistory())).toEqual([]);
    expect(checkHistory(withResponses())).toEqual([]);
  });

  it.each(PLANTED)('finds exactly %s where %s', (kind, _what, history) => {
    expect(kindsIn(history)).toEqual([kind]);
  });

  it('has a planted fault of every kind, so that no check is only believed to work', () => {
    expect(new Set(PLANTED.map(([kind]) => kind))).toEqual(new Set(Object.keys(GUARANTEES)));
  });

  it('names the broken guarantee and the request', () => {
    expect(checkHistory(withFinal({ possible_duplicate: false }))).toEqual([
      expect.objectContaining({ id: 'k', guarantee: GUARANTEES.silentDuplicate }),
    ]);
  });
});

describe('what the history checker does not claim', () => {
  it('orders no two answers that overlap, because either may have been read first', () => {
    const queued = shows(processing('k', { status: 'queued', attempts: 0 }));
    const overlapping = { ...answerAt(12, queued), endedMs: 24 };
    expect(kindsIn(withAnswers(overlapping))).toEqual([]);
  });

  it('lets a run by hand begin again after a terminal one, which its run number tells', () => {
    const failed = record('k', { status: 'failed', result: null });
    const history = upTo(
      100,
      answerAt(100, shows(failed)),
      answerAt(110, { operation: 'retry', ...shows(processing('k', { run: 2, attempts: 3 })), status: 202 }),
      answerAt(120, { ...accepted('processing', 3), replayed: true }),
      answerAt(500, shows(record('k', { run: 2, attempts: 3 }))),
    );
    expect(kindsIn(history)).toEqual([]);
  });

  it('ends with a deletion, for what follows is another request of the same name', () => {
    const history = withAnswers(
      answerAt(600, { operation: 'delete', text: '{}' }),
      answerAt(610, refusal(404, 'request_not_found')),
    );
    expect(kindsIn(history)).toEqual([]);
  });

  it('expects nothing of a key whose POST got no answer, but still counts its calls', () => {
    const unanswered = answerAt(0, { operation: 'post', sent: 'a', status: null, id: null });
    expect(kindsIn({ quietAtMs: 500, calls: [], answers: [unanswered] })).toEqual([]);
    expect(kindsIn({ quietAtMs: 500, calls: [call(1)], answers: [unanswered] })).toEqual(['unrecordedCall']);
  });

  it('takes a refusal such as 429 as an explanation of a second call', () => {
    const log = [attempt(1, { status: 'failed', outcome: 'not_run' }), attempt(2, { outcome: 'completed' })];
    const explained = withFinal({ attempt_log: log, unknown_attempts: 0, possible_duplicate: false }, [
      call(1, { ran: false }),
      call(2),
    ]);
    expect(kindsIn(explained)).toEqual([]);
  });
});
