import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { overloaded } from '../../src/domain/refusal.ts';
import { RawJson } from '../../src/domain/raw-json.ts';
import { toRequestRef } from '../../src/domain/request-id.ts';
import { RequestOptions } from '../../src/domain/options.ts';
import { createAvailability } from '../../src/temporal/calls/availability.ts';
import { createTurnRate } from '../../src/temporal/calls/turn-rate.ts';
import { createStartQueue, type SendStart } from '../../src/temporal/store/start-queue.ts';
import type { NewRun, StartOutcome } from '../../src/temporal/store/start-run.ts';

interface QueueOptions {
  readonly eagerStart?: boolean;
  readonly probe?: () => Promise<unknown>;
}

interface Caller {
  readonly signal?: AbortSignal;
  readonly isAsync?: boolean;
}

/** A queue before starts that a test answers; `start` resolves to the outcome. */
function queueOf(
  send: SendStart,
  { eagerStart = false, probe = async () => undefined }: QueueOptions = {},
): (id: string, caller?: Caller) => Promise<StartOutcome> {
  const availability = createAvailability(probe);
  const queue = createStartQueue(send, { eagerStart, availability, rate: createTurnRate() });
  return async (id, { signal = new AbortController().signal, isAsync = false } = {}) => {
    const turn = { untilMs: Date.now() + 60_000, signal, isAsync };
    return (await queue.start(id, (sentAt) => runOf(id, sentAt), turn)).outcome;
  };
}

function runOf(id: string, sentAt: string): NewRun {
  return {
    ref: toRequestRef({ project: 'default', id }),
    startId: id,
    body: new RawJson(new Uint8Array()),
    memo: {
      operation: 'chat.completions',
      model: 'm',
      fingerprint: '',
      options: RequestOptions.parse({}),
      created_at: sentAt,
      run: 1,
    },
  };
}

/** Starts that stay open until a test answers them, in the order in which they were sent. */
function openStarts() {
  const open: { readonly id: string; readonly eager: boolean; answer(outcome: StartOutcome): void }[] = [];
  const send: SendStart = (run, _budget, eager) =>
    new Promise((answer) => void open.push({ id: run.startId, eager, answer }));
  const sent: string[] = [];
  /** Answers all open starts until no more are sent. */
  async function answerAll(): Promise<void> {
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      sent.push(next.id);
      next.answer('started');
      await settled();
    }
  }
  return { open, send, sent, answerAll };
}

const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const codeOf = (refused: Promise<unknown>): Promise<unknown> =>
  refused.then(
    () => 'none',
    (error: { readonly code: unknown }) => error.code,
  );

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('starts of one id that arrive together', () => {
  it('are one start, which the others find already made', async () => {
    const answer = Promise.withResolvers<StartOutcome>();
    const started: string[] = [];
    const start = queueOf((run) => {
      started.push(run.startId);
      return answer.promise;
    });
    const all = [start('a'), start('a'), start('b')];
    answer.resolve('started');
    expect(await Promise.all(all)).toEqual(['started', 'already started', 'started']);
    expect(started).toEqual(['a', 'b']);
  });

  it('share what the first does not know', async () => {
    const unknown = { unknown: new Error('away') };
    const start = queueOf(async () => unknown);
    expect(await Promise.all([start('a'), start('a')])).toEqual([unknown, unknown]);
  });

  it('are all refused by what refuses the first', async () => {
    const start = queueOf(() => Promise.reject(overloaded()));
    const refused = { status: 'rejected', reason: expect.objectContaining({ code: 'overloaded' }) };
    expect(await Promise.allSettled([start('a'), start('a')])).toEqual([refused, refused]);
  });

  it('are made again when the first was wrong in itself, because their bodies may differ', async () => {
    let starts = 0;
    const start = queueOf(async () => {
      starts += 1;
      if (starts === 1) throw new Error('too large');
      return 'started';
    });
    const [wrong, second] = [start('a'), start('a')];
    await expect(wrong).rejects.toThrow('too large');
    expect(await second).toBe('started');
  });

  it('leave the line when all their callers have left, and not before', async () => {
    const { open, send, sent, answerAll } = openStarts();
    const start = queueOf(send, { eagerStart: true });
    const busy = Array.from({ length: 6 }, (_, index) => start(`busy-${index}`));
    const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()];
    const stays = [start('stays', { signal: one.signal }), start('stays')];
    const leaves = [start('leaves', { signal: two.signal }), start('leaves', { signal: three.signal })];
    for (const caller of [one, two, three]) caller.abort();
    expect(await Promise.all(leaves.map(codeOf))).toEqual(['overloaded', 'overloaded']);
    expect(open).toHaveLength(6);
    await answerAll();
    await Promise.all([...busy, ...stays]);
    expect(sent.slice(6)).toEqual(['stays']);
  });
});

describe('a crowd', () => {
  const CROWD = 300;

  it('is let in by many starts at once that are not eager, first come, first served', async () => {
    const { open, send, sent, answerAll } = openStarts();
    const start = queueOf(send, { eagerStart: true });
    const alone = start('alone');
    await settled();
    expect(open.map(({ eager }) => eager)).toEqual([true]);
    await answerAll();
    await alone;
    const ids = Array.from({ length: CROWD }, (_, index) => `crowd-${index}`);
    const all = ids.map((id) => start(id));
    await settled();
    expect(open).toHaveLength(32);
    expect(open.map(({ eager }) => eager)).toEqual(open.map((_start, at) => at < 6));
    await answerAll();
    await Promise.all(all);
    expect(sent).toEqual(['alone', ...ids]);
    const after = start('after');
    await settled();
    expect(open.map(({ eager }) => eager)).toEqual([true]);
    await answerAll();
    await after;
  });

  it('may be of callers that do not wait: their starts are not eager, and that of one that waits is', async () => {
    const { open, send, answerAll } = openStarts();
    const start = queueOf(send, { eagerStart: true });
    const alone = start('alone');
    await settled();
    await answerAll();
    await alone;
    const all = Array.from({ length: 40 }, (_, index) => start(`async-${index}`, { isAsync: true }));
    const waits = start('waits');
    await settled();
    expect(open).toHaveLength(6);
    const eager = new Set<string>();
    while (open.length > 0) {
      for (const one of open) if (one.eager) eager.add(one.id);
      open.shift()?.answer('started');
      await settled();
    }
    await Promise.all([...all, waits]);
    // The first ones came before there was a line, and the last one after it.
    const withoutLine = [0, 1, 2, 3, 4, 5, 39].map((index) => `async-${index}`);
    expect(eager).toEqual(new Set([...withoutLine, 'waits']));
    const after = start('after', { isAsync: true });
    await settled();
    expect(open.map((one) => one.eager)).toEqual([true]);
    await answerAll();
    await after;
  });

  it('is let in by many starts at once also if it does not wait, where the line is very long', async () => {
    const { open, send, answerAll } = openStarts();
    const start = queueOf(send, { eagerStart: true });
    const all = Array.from({ length: 1_100 }, (_, index) => start(`async-${index}`, { isAsync: true }));
    await settled();
    expect(open).toHaveLength(32);
    await answerAll();
    await Promise.all(all);
  });

  it('counts each request from its turn on', async () => {
    const created: string[] = [];
    const answers = [Promise.withResolvers<StartOutcome>(), Promise.withResolvers<StartOutcome>()];
    const send: SendStart = (run) => {
      created.push(run.memo.created_at);
      return answers[created.length - 1]?.promise ?? Promise.resolve('started');
    };
    vi.setSystemTime(0);
    const start = queueOf(send, { eagerStart: true });
    const busy = Array.from({ length: 7 }, (_, index) => start(`${index}`));
    await settled();
    await vi.advanceTimersByTimeAsync(3_000);
    for (const { resolve } of answers) resolve('started');
    await Promise.all(busy.slice(0, 3));
    await Promise.all(busy);
    expect(created[0]).toBe('1970-01-01T00:00:00.000Z');
    expect(Math.max(...created.map((at) => Date.parse(at)))).toBeLessThanOrEqual(3_000);
  });

  it('is refused in order when its time is over, each with the time until its turn', async () => {
    const { open, send } = openStarts();
    const start = queueOf(send);
    const all = Array.from({ length: CROWD }, (_, index) =>
      start(`${index}`).catch((error: { readonly retryAfterSeconds: number }) => error.retryAfterSeconds),
    );
    // A turn each second, for a minute.
    for (let second = 0; second < 60; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      open.shift()?.answer('started');
    }
    await settled();
    for (const { answer } of open) answer('started');
    const answers = await Promise.all(all);
    const refused = answers.filter((answer) => typeof answer === 'number');
    expect(refused.length).toBeGreaterThan(100);
    expect(refused).toEqual(refused.toSorted((one, other) => one - other));
    expect(Math.max(...refused)).toBe(60);
    expect(Math.min(...refused)).toBeLessThan(5);
  });
});

describe('a start without an answer', () => {
  const unknown = { unknown: new Error('no answer') };

  it('is sent again as the same start while Temporal answers others, until its time is over', async () => {
    const tries: NewRun[] = [];
    let isOthersAnswered = true;
    const start = queueOf(async (run) => {
      if (run.startId !== 'slow') return 'started';
      tries.push(run);
      await vi.advanceTimersByTimeAsync(4_500);
      if (tries.length === 3) return 'started';
      if (isOthersAnswered) await start(`other-${tries.length}`);
      return unknown;
    });
    expect(await start('slow')).toBe('started');
    expect(tries).toHaveLength(3);
    expect(new Set(tries).size).toBe(1);
    isOthersAnswered = false;
    tries.length = 0;
    expect(await start('slow')).toBe(unknown);
    expect(tries).toHaveLength(1);
  });

  it('is unknown when its time is over', async () => {
    let tries = 0;
    const start = queueOf(async (run) => {
      if (run.startId !== 'slow') return 'started';
      tries += 1;
      await vi.advanceTimersByTimeAsync(25_000);
      await start(`other-${tries}`);
      return unknown;
    });
    expect(await start('slow')).toBe(unknown);
    expect(tries).toBe(3);
  });
});

describe('a line before a Temporal that does not answer', () => {
  const away = (): Promise<never> => Promise.reject(new Error('away'));

  it('is refused within 5 s, and what was sent is not', async () => {
    let isAway = false;
    const { open, send } = openStarts();
    const start = queueOf(send, { eagerStart: true, probe: () => (isAway ? away() : Promise.resolve()) });
    const all = Array.from({ length: 20 }, (_, index) => start(`${index}`));
    await settled();
    expect(open).toHaveLength(6);
    isAway = true;
    let refusals = 0;
    const line = all.slice(6).map((one) => codeOf(one).finally(() => (refusals += 1)));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(refusals).toBe(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(refusals).toBe(14);
    expect(new Set(await Promise.all(line))).toEqual(new Set(['service_unavailable']));
    for (const { answer } of open) answer('started');
    expect(await Promise.all(all.slice(0, 6))).toEqual(Array.from({ length: 6 }, () => 'started'));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('stays while a probe is answered, however long the starts before it take', async () => {
    const { open, send, answerAll } = openStarts();
    const start = queueOf(send, { eagerStart: true });
    const all = Array.from({ length: 20 }, (_, index) => start(`${index}`));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(open).toHaveLength(6);
    await answerAll();
    expect(new Set(await Promise.all(all))).toEqual(new Set(['started']));
  });
});
