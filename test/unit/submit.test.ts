/** What a POST is held for: its turn first, then its wait, which counts from acceptance. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLimit } from '../../src/domain/limit.ts';
import { toRequestRef } from '../../src/domain/request-id.ts';
import { NewBody } from '../../src/domain/request-text.ts';
import type { Wait } from '../../src/domain/requests.ts';
import { createCallBudget } from '../../src/temporal/calls/call-budget.ts';
import type { Acceptor } from '../../src/temporal/store/accept.ts';
import type { RunFinder } from '../../src/temporal/store/find-run.ts';
import { createIntake } from '../../src/temporal/store/intake.ts';
import type { StartQueue } from '../../src/temporal/store/start-queue.ts';
import { submitRequest } from '../../src/temporal/store/submit.ts';
import { createWaiters } from '../../src/temporal/waiting/waiters.ts';
import { NEW_REQUEST, unused } from '../support/new-request.ts';

const ACCEPT_MS = 60_000;

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

/** Submits a request whose turn comes after `turnMs`. Resolves to when its caller was answered. */
async function answeredAtMs(turnMs: number, waitMs: number): Promise<number> {
  const intake = createIntake({ accepting: 1, acceptingBytes: 10, acceptMs: ACCEPT_MS });
  const runs: RunFinder = { find: unused, look: async () => 'nothing', call: unused };
  let isSent = false;
  const starts: StartQueue = {
    start: (_id, runOf, turn) =>
      new Promise((resolve) => {
        expect(turn.untilMs).toBe(ACCEPT_MS);
        setTimeout(() => {
          isSent = true;
          const sentAt = new Date().toISOString();
          expect(runOf(sentAt).memo.created_at).toBe(sentAt);
          resolve({ outcome: 'started', sentAt, budget: createCallBudget() });
        }, turnMs);
      }),
  };
  const acceptor: Acceptor = {
    runs,
    starts,
    intake,
    texts: null,
    observer: { accepted: () => expect(isSent).toBe(true), replayed: unused },
  };
  const wait: Wait = {
    ms: waitMs,
    signal: new AbortController().signal,
    projectPlaces: createLimit(1),
  };
  const place = intake.enter(1);
  const answer = submitRequest(
    createWaiters(createLimit(1), null),
    acceptor,
    toRequestRef({ project: 'default', id: 'a' }),
    { ...NEW_REQUEST, body: new NewBody(new Uint8Array()) },
    wait,
    place,
  ).then(({ createdAt }) => {
    expect(createdAt).toBe(new Date(turnMs).toISOString());
    return Date.now();
  });
  await vi.advanceTimersByTimeAsync(turnMs);
  expect(intake.places.taken()).toBe(0);
  await vi.runAllTimersAsync();
  return answer;
}

it('counts the wait from acceptance', async () => {
  expect(await answeredAtMs(20_000, 30_000)).toBe(50_000);
});

it('holds a caller for 240 s at most, turn and wait together, because Node gives up at 300 s', async () => {
  expect(await answeredAtMs(50_000, 240_000)).toBe(240_000);
});

it('keeps a longer wait that the operator allows, less the time until the turn', async () => {
  expect(await answeredAtMs(50_000, 1_000_000)).toBe(1_000_000);
});
