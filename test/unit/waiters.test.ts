/** The callers that wait for a result in this process: who is held, what answers them, and that places come back. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createLimit, type Limit } from '../../src/domain/limit.ts';
import { completedRun, type SettledRun, type Wait } from '../../src/domain/requests.ts';
import { createWaiters, type LongPolls, raceWait, startWait } from '../../src/temporal/waiting/waiters.ts';

const LONG_MS = 3_600_000;
const DONE: SettledRun = completedRun(new Uint8Array([1]), null);
const OTHER: SettledRun = completedRun(new Uint8Array([2]), null);
const HELD_IN_VAIN = { wasHeld: true, settled: null };
const NOT_HELD = { wasHeld: false };
const never = new Promise<never>(() => undefined);

const waitOf = (fields: Partial<Wait> = {}): Wait => ({
  ms: LONG_MS,
  signal: new AbortController().signal,
  projectPlaces: createLimit(10),
  ...fields,
});

/** Long polls that a test lets go; `asked` has the signal of each. */
function pollsOf(): LongPolls & { asked: { id: string; ms: number; signal: AbortSignal }[]; close(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const asked: { id: string; ms: number; signal: AbortSignal }[] = [];
  return {
    asked,
    close: resolve,
    untilClosed: (id, { ms, signal }) => {
      asked.push({ id, ms, signal });
      return promise;
    },
  };
}

function heldBy(places: Limit, wait: Wait, polls: LongPolls | null = null) {
  const waiters = createWaiters(places, polls);
  const waiter = waiters.join('id');
  return { waiters, waiter, answer: waiter.wait(wait) };
}

describe('a caller that waits', () => {
  it('is answered by the run as this process settled it', async () => {
    const { waiters, answer } = heldBy(createLimit(1), waitOf());
    expect(waiters.held()).toBe(1);
    waiters.settle('id', DONE);
    expect(await answer).toEqual({ wasHeld: true, settled: DONE });
    expect(waiters.held()).toBe(0);
  });

  it('is answered also by what settled between joining and waiting', async () => {
    const waiters = createWaiters(createLimit(1), null);
    const waiter = waiters.join('id');
    waiters.settle('id', DONE);
    expect(await waiter.wait(waitOf())).toEqual({ wasHeld: true, settled: DONE });
  });

  it('is answered once: the first that settles its run counts', async () => {
    const { waiters, answer } = heldBy(createLimit(1), waitOf());
    waiters.settle('id', DONE);
    waiters.settle('id', OTHER);
    expect(await answer).toEqual({ wasHeld: true, settled: DONE });
  });

  it('is answered with all others of its run, and nobody else is', async () => {
    const waiters = createWaiters(createLimit(3), null);
    const stop = new AbortController();
    const all = ['a', 'a', 'b'].map((id) => waiters.join(id).wait(waitOf({ signal: stop.signal })));
    waiters.settle('a', DONE);
    expect(await Promise.all(all.slice(0, 2))).toEqual([
      { wasHeld: true, settled: DONE },
      { wasHeld: true, settled: DONE },
    ]);
    expect(waiters.held()).toBe(1);
    stop.abort();
    expect(await all[2]).toEqual(HELD_IN_VAIN);
  });

  it('is let go when its time is over, and when it or the process goes', async () => {
    expect(await heldBy(createLimit(1), waitOf({ ms: 1 })).answer).toEqual(HELD_IN_VAIN);
    const gone = new AbortController();
    const { answer, waiters } = heldBy(createLimit(1), waitOf({ signal: gone.signal }));
    gone.abort();
    expect(await answer).toEqual(HELD_IN_VAIN);
    expect(waiters.held()).toBe(0);
  });

  it('hears no more of its run once it has left, and leaves the others listening', async () => {
    const waiters = createWaiters(createLimit(2), null);
    const [first, second] = [waiters.join('id'), waiters.join('id')];
    first.leave();
    first.leave();
    waiters.settle('id', DONE);
    expect(await second.wait(waitOf())).toEqual({ wasHeld: true, settled: DONE });
    expect(await first.wait(waitOf({ ms: 1 }))).toEqual(HELD_IN_VAIN);
    second.leave();
    // Nobody is left, and a caller that comes later hears only what comes later.
    const third = waiters.join('id');
    second.leave();
    waiters.settle('id', OTHER);
    expect(await third.wait(waitOf())).toEqual({ wasHeld: true, settled: OTHER });
  });
});

describe('a caller that is not held', () => {
  const aborted = AbortSignal.abort();
  const full = (): Limit => createLimit(0);

  it.each<[string, Limit, Wait]>([
    ['it wants no wait', createLimit(1), waitOf({ ms: 0 })],
    ['its time is over already', createLimit(1), waitOf({ ms: -1 })],
    ['it has gone', createLimit(1), waitOf({ signal: aborted })],
    ['the service has no place left', full(), waitOf()],
    ['its project has no place left', createLimit(1), waitOf({ projectPlaces: full() })],
  ])('is answered at once, and takes no place, because %s', async (_what, places, wait) => {
    const polls = pollsOf();
    const { answer } = heldBy(places, wait, polls);
    expect(await answer).toEqual(NOT_HELD);
    expect([places.taken(), wait.projectPlaces.taken(), polls.asked.length]).toEqual([0, 0, 0]);
  });

  it('finds a place once another has gone, of the service and of its project', async () => {
    const [places, projectPlaces] = [createLimit(1), createLimit(1)];
    const waiters = createWaiters(places, null);
    const first = waiters.join('a').wait(waitOf({ projectPlaces }));
    expect([places.taken(), projectPlaces.taken()]).toEqual([1, 1]);
    expect(await waiters.join('b').wait(waitOf({ projectPlaces }))).toEqual(NOT_HELD);
    expect(await waiters.join('b').wait(waitOf())).toEqual(NOT_HELD);
    waiters.settle('a', DONE);
    await first;
    expect([places.taken(), projectPlaces.taken()]).toEqual([0, 0]);
    expect(await waiters.join('b').wait(waitOf({ projectPlaces, ms: 1 }))).toEqual(HELD_IN_VAIN);
  });
});

describe('a long poll, where the worker is another process', () => {
  it('is asked for the run, with what is left of the wait', async () => {
    const polls = pollsOf();
    const { answer, waiters } = heldBy(createLimit(1), waitOf({ ms: 5_000 }), polls);
    expect(polls.asked).toMatchObject([{ id: 'id', ms: 5_000 }]);
    waiters.settle('id', DONE);
    await answer;
  });

  it('ends the wait when it says that the run has closed, without its result', async () => {
    const polls = pollsOf();
    const places = createLimit(1);
    const { answer } = heldBy(places, waitOf(), polls);
    polls.close();
    expect(await answer).toEqual(HELD_IN_VAIN);
    expect(places.taken()).toBe(0);
  });

  it('is given up when the run settles here first, because its place is wanted', async () => {
    const polls = pollsOf();
    const { answer, waiters } = heldBy(createLimit(1), waitOf(), polls);
    expect(polls.asked[0]?.signal.aborted).toBe(false);
    waiters.settle('id', DONE);
    expect(await answer).toEqual({ wasHeld: true, settled: DONE });
    expect(polls.asked[0]?.signal.aborted).toBe(true);
  });

  it('is given up when the caller goes', async () => {
    const polls = pollsOf();
    const gone = new AbortController();
    const { answer } = heldBy(createLimit(1), waitOf({ signal: gone.signal }), polls);
    gone.abort();
    expect(await answer).toEqual(HELD_IN_VAIN);
    expect(polls.asked[0]?.signal.aborted).toBe(true);
  });
});

describe('a race against a wait', () => {
  const signal = new AbortController().signal;

  it('is won by what settles first, and lost to a time or a signal', async () => {
    expect(await raceWait(Promise.resolve('settled'), { ms: LONG_MS, signal })).toBe('settled');
    expect(await raceWait(never, { ms: 1, signal })).toBe(null);
    expect(await raceWait(Promise.resolve('settled'), { ms: 0, signal })).toBe(null);
    expect(await raceWait(Promise.resolve('settled'), { ms: LONG_MS, signal: AbortSignal.abort() })).toBe(
      null,
    );
  });

  it('fails with what it waits for', async () => {
    await expect(raceWait(Promise.reject(new Error('broken')), { ms: LONG_MS, signal })).rejects.toThrow(
      'broken',
    );
  });
});

it('a wait counts from its start, and never below nothing', () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 0 });
  onTestFinished(() => void vi.useRealTimers());
  const wait = waitOf({ ms: 5_000 });
  const left = startWait(wait);
  const at = (nowMs: number): number => {
    vi.setSystemTime(nowMs);
    return left().ms;
  };
  expect([0, 1_200, 4_999, 5_000, 9_000].map(at)).toEqual([5_000, 3_800, 1, 0, 0]);
  expect(left()).toEqual({ ...wait, ms: 0 });
});
