import { describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { createLimit, enter } from '../../src/domain/limit.ts';
import { createFirstOfEquals } from '../../src/temporal/store/start-queue.ts';
import { createCallBudget } from '../../src/temporal/calls/call-budget.ts';
import { createSharedReads } from '../../src/temporal/store/shared-reads.ts';
import { createConcurrencyQueue } from '../../src/temporal/calls/concurrency-queue.ts';
import type { Started } from '../../src/temporal/store/start-run.ts';

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

  it('refuses who has waited too long, without having made the call, and goes on with the next', async () => {
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

describe('shared reads', () => {
  it('give readers that wait together one read, which begins after the last of them has asked', async () => {
    const results = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    let reads = 0;
    const read = createSharedReads(1, async () => results[reads++]?.promise);
    const budget = createCallBudget();
    const early = read('a', budget);
    await Promise.resolve();
    const [late, latest] = [read('a', budget), read('a', budget)];
    expect(reads).toBe(1);
    results[0]?.resolve('old');
    results[1]?.resolve('new');
    expect(await Promise.all([early, late, latest])).toEqual(['old', 'new', 'new']);
    expect(reads).toBe(2);
  });
});

describe('the first of equals', () => {
  it('starts for all of them, and what refuses it refuses all', async () => {
    const first = createFirstOfEquals();
    const answer = Promise.withResolvers<Started>();
    let starts = 0;
    const start = (): Promise<Started> => {
      starts += 1;
      return answer.promise;
    };
    const all = [first.start('a', start), first.start('a', start), first.start('b', start)];
    answer.resolve('started');
    expect(await Promise.all(all)).toEqual(['started', 'already started', 'started']);
    expect(starts).toBe(2);
    const refuse = async (): Promise<Started> => {
      enter(createLimit(0));
      return 'started';
    };
    const refused = [first.start('a', refuse), first.start('a', refuse)];
    expect(await Promise.allSettled(refused)).toEqual(
      refused.map(() => ({ status: 'rejected', reason: overloaded })),
    );
  });

  it('lets the second start when the first was wrong in itself, because their bodies may differ', async () => {
    const first = createFirstOfEquals();
    const wrong = first.start('a', () => Promise.reject(new Error('too large')));
    const second = first.start('a', async () => 'started');
    await expect(wrong).rejects.toThrow('too large');
    expect(await second).toBe('started');
  });
});
