import { toPayloads, type Payload } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time.js';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { describe, expect, it } from 'vitest';
import {
  beginAttempt,
  carryOver,
  EMPTY_JOURNAL,
  type Journal,
  waitForTurn,
} from '../../src/domain/journal.ts';
import { earlierJournal } from '../../src/domain/run-contract.ts';
import { PendingActivityState } from '../../src/temporal/sdk-internals.ts';
import { createDecoder } from '../../src/temporal/run-state/decode.ts';
import { type Ending, readPendingJournal } from '../../src/temporal/run-state/pending-activity.ts';
import { memoOf } from '../support/fake-temporal.ts';
import { ATTEMPTED_AT, refusedAttempts } from '../support/journals.ts';

const BEFORE = '2026-11-23T23:59:00.000Z';
const converter = loadDataConverter();
const decoder = createDecoder(converter, { type: 'workflow', namespace: 'default', workflowId: 'w' });
const { PENDING_ACTIVITY_STATE_SCHEDULED: SCHEDULED, PENDING_ACTIVITY_STATE_STARTED: STARTED } =
  PendingActivityState;

function read(
  state: number,
  attempt: number,
  heartbeat: Journal | null,
  of = memoOf(),
  startedAt: string | null = null,
  { scheduledAt = startedAt, ...ending }: Partial<Ending> & { readonly scheduledAt?: string | null } = {},
): Promise<Journal> {
  const payloads: Payload[] =
    heartbeat === null ? [] : (toPayloads(converter.payloadConverter, heartbeat) ?? []);
  const toTs = (at: string | null) => (at === null ? null : msToTs(Date.parse(at)));
  const times = { lastStartedTime: toTs(startedAt), scheduledTime: toTs(scheduledAt) };
  const pending = { state, attempt, heartbeatDetails: { payloads }, ...times };
  const over = { isCancelled: false, deadlineMs: Infinity, ...ending };
  return readPendingJournal(pending, decoder, of, earlierJournal(of), over);
}

describe('the journal of a pending call', () => {
  it('does not count the attempt to come, whose number Temporal shows already', async () => {
    expect(await read(SCHEDULED, 4, refusedAttempts(3))).toEqual(refusedAttempts(3));
    expect(await read(SCHEDULED, 1, null)).toEqual(EMPTY_JOURNAL);
  });

  it('counts the attempt that runs, also when nothing was heartbeated of it or of those before', async () => {
    expect(await read(STARTED, 4, refusedAttempts(3))).toMatchObject({ begun: 4, unknown: 0 });
    expect(await read(STARTED, 3, null)).toMatchObject({ begun: 3, unknown: 2, duplicate: true });
  });

  it('takes an end that was heartbeated before Temporal knew of it as that attempt, not as a reset', async () => {
    expect(await read(STARTED, 3, refusedAttempts(3))).toEqual(refusedAttempts(3));
  });

  it('counts an attempt whose number was another one before an operator reset the activity', async () => {
    const later = '2026-11-24T00:00:01.000Z';
    expect(await read(STARTED, 1, refusedAttempts(1), memoOf(), later)).toMatchObject({
      begun: 2,
      unknown: 0,
    });
    const earlier = '2026-11-23T23:59:59.000Z';
    expect(await read(STARTED, 1, refusedAttempts(1), memoOf(), earlier)).toEqual(refusedAttempts(1));
  });

  it('leaves out an attempt that the options forbid: it makes no call and only ends the request', async () => {
    const once = memoOf({ options: { on_unknown_outcome: 'fail' } });
    expect(await read(STARTED, 2, null, once)).toMatchObject({ begun: 1, unknown: 1, duplicate: false });
    const twice = memoOf({ options: { max_attempts: 2 } });
    expect(await read(STARTED, 3, refusedAttempts(2), twice)).toEqual(refusedAttempts(2));
  });

  it.each([
    ['a later attempt of a cancelled run', 2, { isCancelled: true }, 1],
    ['a first one that waited, of a cancelled run', 1, { isCancelled: true, scheduledAt: BEFORE }, 0],
    ['a first one that began at once, of a cancelled run', 1, { isCancelled: true }, 1],
    ['a later attempt whose deadline has passed', 2, { deadlineMs: Date.parse(ATTEMPTED_AT) + 1 }, 1],
    ['a first one that began after the deadline', 1, { deadlineMs: Date.parse(ATTEMPTED_AT) }, 0],
    ['a first one whose deadline passed during its call', 1, { deadlineMs: Date.parse(ATTEMPTED_AT) + 1 }, 1],
  ])('counts %s only if it surely calls', async (_what, attempt, ending, begun) => {
    expect((await read(STARTED, attempt, null, memoOf(), ATTEMPTED_AT, ending)).begun).toBe(begun);
  });

  it('counts an attempt of a cancelled run that has written its beginning', async () => {
    const written = beginAttempt(refusedAttempts(1), 2, ATTEMPTED_AT);
    expect(await read(STARTED, 2, written, memoOf(), ATTEMPTED_AT, { isCancelled: true })).toEqual(written);
  });

  it('does not count an attempt that waits for its turn, whether it is here or was sent back', async () => {
    const wait = { lane: 'l', reason: 'r', wait_ms: 1_000, pace: null };
    const waiting = waitForTurn(refusedAttempts(1), 2, wait);
    for (const state of [SCHEDULED, STARTED]) {
      for (const attempt of [2, 3, 9]) expect(await read(state, attempt, waiting)).toEqual(waiting);
    }
    const begun = beginAttempt(waiting, 3, ATTEMPTED_AT);
    expect(await read(STARTED, 3, begun, memoOf(), ATTEMPTED_AT)).toEqual(begun);
  });

  it('goes on from the runs before it, whose attempts do not count against the options', async () => {
    const earlier = carryOver(refusedAttempts(2));
    const of = memoOf({ options: { max_attempts: 1 }, earlier: { run_id: 'r', journal: earlier } });
    expect(await read(SCHEDULED, 1, null, of)).toEqual(earlier);
    expect(await read(STARTED, 1, null, of)).toMatchObject({ begun: 3 });
  });
});
