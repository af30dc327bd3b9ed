import { createSingleFlight } from '../../src/temporal/calls/single-flight.ts';
import { describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { createLimit, enter } from '../../src/domain/limit.ts';
import { createConcurrencyQueue } from '../../src/temporal/calls/concurrency-queue.ts';

const IN_A_MINUTE_MS = Date.now() + 60_000;
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

  it('holds 10,000 callers by default, with connections to spare for whoever asks for health', () => {
    const { limits } = loadConfig({});
    expect(limits.waiters).toBeGreaterThanOrEqual(10_000);
    expect(limits.connections).toBeGreaterThan(limits.waiters);
  });
});

describe('turns', () => {
  it('lets so many run at once and the others in the order they came', async () => {
    const turns = createConcurrencyQueue(2);
    const began: number[] = [];
    const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    const all = ends.map((end, index) =>
      turns.take(IN_A_MINUTE_MS, async () => {
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
    const turns = createConcurrencyQueue(1);
    const held = Promise.withResolvers<void>();
    const first = turns.take(IN_A_MINUTE_MS, () => held.promise);
    let made = 0;
    const call = async (): Promise<number> => (made += 1);
    await expect(turns.take(Date.now(), call)).rejects.toEqual(overloaded);
    expect(made).toBe(0);
    const next = turns.take(IN_A_MINUTE_MS, call);
    held.resolve();
    await first;
    expect(await next).toBe(1);
  });

  it('passes a failure on and its place as well', async () => {
    const turns = createConcurrencyQueue(1);
    await expect(turns.take(IN_A_MINUTE_MS, () => Promise.reject(new Error('broken')))).rejects.toThrow(
      'broken',
    );
    expect(await turns.take(IN_A_MINUTE_MS, async () => 'next')).toBe('next');
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
