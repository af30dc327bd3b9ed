import { createSingleFlight } from '../../src/temporal/calls/single-flight.ts';
import { describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { createLimit, enter } from '../../src/domain/limit.ts';
import { overloaded as refusalOf, unavailable } from '../../src/domain/refusal.ts';
import { createConcurrencyQueue } from '../../src/temporal/calls/concurrency-queue.ts';

const IN_A_MINUTE = { untilMs: Date.now() + 60_000 };
const overloaded = expect.objectContaining({ code: 'overloaded', retryAfterSeconds: 1, shouldRetry: true });

describe('a limit', () => {
  it('gives out its places and no more, and a place given back twice counts once', () => {
    const limit = createLimit(2);
    const [first] = [enter(limit), enter(limit)];
    expect([limit.take(), limit.taken()]).toEqual([null, 2]);
    expect(() => enter(limit)).toThrow(overloaded);
    first.leave();
    first.leave();
    expect(limit.taken()).toBe(1);
    enter(limit);
    expect(limit.isFull()).toBe(true);
  });

  it('lets 10,000 callers in and holds them by default, with connections to spare for health checks', () => {
    const { limits } = loadConfig({});
    expect(limits.accepting).toBeGreaterThanOrEqual(10_000);
    expect(limits.connections).toBeGreaterThan(limits.accepting);
    expect(limits.waiters).toBeGreaterThanOrEqual(10_000);
    expect(limits.connections).toBeGreaterThan(limits.waiters);
  });
});

describe('turns', () => {
  it('lets so many run at once and the others in the order they came', async () => {
    const turns = createConcurrencyQueue(() => 2);
    const began: number[] = [];
    const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    const all = ends.map((end, index) =>
      turns.take(IN_A_MINUTE, async () => {
        began.push(index);
        await end.promise;
      }),
    );
    const untilBegan = (...expected: number[]): Promise<unknown> =>
      vi.waitFor(() => expect(began).toEqual(expected));
    await untilBegan(0, 1);
    ends[1]?.resolve();
    await untilBegan(0, 1, 2);
    for (const { resolve } of ends) resolve();
    await Promise.all(all);
    expect(began).toEqual([0, 1, 2, 3]);
  });

  it('refuses a caller that waited too long, makes no call for it, and continues with the next', async () => {
    const turns = createConcurrencyQueue(() => 1);
    const held = Promise.withResolvers<void>();
    const first = turns.take(IN_A_MINUTE, () => held.promise);
    let made = 0;
    const call = async (): Promise<number> => (made += 1);
    await expect(turns.take({ untilMs: Date.now() }, call)).rejects.toEqual(overloaded);
    expect(made).toBe(0);
    const next = turns.take(IN_A_MINUTE, call);
    held.resolve();
    await first;
    expect(await next).toBe(1);
  });

  it('gives up the place of a caller that leaves the line, and not that of one whose turn has come', async () => {
    const turns = createConcurrencyQueue(() => 1);
    const held = Promise.withResolvers<string>();
    const [early, late] = [new AbortController(), new AbortController()];
    const first = turns.take({ ...IN_A_MINUTE, signal: early.signal }, () => held.promise);
    let made = 0;
    const left = turns.take({ ...IN_A_MINUTE, signal: late.signal }, async () => (made += 1));
    const last = turns.take(IN_A_MINUTE, async () => 'last');
    expect(turns.waiting()).toBe(2);
    late.abort();
    early.abort();
    await expect(left).rejects.toEqual(overloaded);
    expect(turns.waiting()).toBe(1);
    held.resolve('first');
    expect([await first, await last, made]).toEqual(['first', 'last', 0]);
    const gone = { ...IN_A_MINUTE, signal: AbortSignal.abort() };
    const busy = turns.take(IN_A_MINUTE, () => new Promise(() => undefined));
    await expect(turns.take(gone, async () => 'made')).rejects.toEqual(overloaded);
    expect(turns.waiting()).toBe(0);
    void busy;
  });

  it('tells a caller whose time is over how many turns it was away, however many left before it', async () => {
    const turns = createConcurrencyQueue(
      () => 1,
      (ahead) => refusalOf(ahead),
    );
    void turns.take(IN_A_MINUTE, () => new Promise(() => undefined));
    const late = [1, 2, 3].map(() => turns.take({ untilMs: Date.now() }, async () => undefined));
    const after = (await Promise.allSettled(late)).map(
      (one) => one.status === 'rejected' && one.reason.retryAfterSeconds,
    );
    expect(after).toEqual([1, 2, 3]);
  });

  it('follows a limit that changes, up and down', async () => {
    let atOnce = 1;
    const turns = createConcurrencyQueue(() => atOnce);
    const ends: (() => void)[] = [];
    const hold = (): Promise<void> => new Promise((resolve) => void ends.push(resolve));
    const all = Array.from({ length: 6 }, () => turns.take(IN_A_MINUTE, hold));
    const untilBegun = (count: number): Promise<unknown> =>
      vi.waitFor(() => expect(ends).toHaveLength(count));
    await untilBegun(1);
    atOnce = 3;
    ends[0]?.();
    await untilBegun(4);
    atOnce = 1;
    ends[1]?.();
    ends[2]?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(ends).toHaveLength(4);
    ends[3]?.();
    await untilBegun(5);
    ends[4]?.();
    await untilBegun(6);
    ends[5]?.();
    await Promise.all(all);
  });

  it('refuses everyone in line at once, and goes on with those who come later', async () => {
    const turns = createConcurrencyQueue(() => 1);
    const held = Promise.withResolvers<void>();
    const first = turns.take(IN_A_MINUTE, () => held.promise);
    const line = [1, 2].map(() => turns.take(IN_A_MINUTE, async () => undefined));
    turns.refuseAll(unavailable());
    const codes = (await Promise.allSettled(line)).map((one) => one.status === 'rejected' && one.reason.code);
    expect(codes).toEqual(['service_unavailable', 'service_unavailable']);
    const later = turns.take(IN_A_MINUTE, async () => 'later');
    held.resolve();
    await first;
    expect(await later).toBe('later');
  });

  it('passes a failure on and its place as well', async () => {
    const turns = createConcurrencyQueue(() => 1);
    await expect(turns.take(IN_A_MINUTE, () => Promise.reject(new Error('broken')))).rejects.toThrow(
      'broken',
    );
    expect(await turns.take(IN_A_MINUTE, async () => 'next')).toBe('next');
  });
});

describe('single flight', () => {
  it('answers all who join a call with its answer, also when it fails', async () => {
    const flight = createSingleFlight<string>();
    const answers = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    let calls = 0;
    const call = async (): Promise<string> => answers[calls++]?.promise ?? 'none';
    const [first, second] = [flight.fly('a', call), flight.fly('a', call)];
    expect([first.joined, second.joined, flight.fly('b', call).joined]).toEqual([false, true, false]);
    answers[0]?.reject(new Error('broken'));
    await expect(first.result).rejects.toThrow('broken');
    await expect(second.result).rejects.toThrow('broken');
    expect(flight.fly('a', async () => 'anew').joined).toBe(false);
    expect(calls).toBe(2);
  });

  it('accepts no more readers once sealed, because a read must begin after all its readers asked', async () => {
    const flight = createSingleFlight<string>();
    const seals: (() => void)[] = [];
    const ends = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const call = (seal: () => void): Promise<string> => {
      const end = ends[seals.length]?.promise ?? Promise.resolve('none');
      seals.push(seal);
      return end;
    };
    const early = flight.fly('a', call);
    seals[0]?.();
    const late = [flight.fly('a', call), flight.fly('a', call)];
    ends[0]?.resolve('old');
    expect(await early.result).toBe('old');
    // The end of the sealed flight does not end the one that came after it.
    expect(flight.fly('a', call).joined).toBe(true);
    ends[1]?.resolve('new');
    expect(await Promise.all(late.map(({ result }) => result))).toEqual(['new', 'new']);
    expect(seals).toHaveLength(2);
  });
});
