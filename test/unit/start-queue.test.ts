import { describe, expect, it } from 'vitest';
import { overloaded } from '../../src/domain/refusal.ts';
import { RawJson } from '../../src/domain/raw-json.ts';
import { toRequestRef } from '../../src/domain/request-id.ts';
import { RequestOptions } from '../../src/domain/options.ts';
import { createCallBudget } from '../../src/temporal/calls/call-budget.ts';
import { createStartQueue, type StartQueue } from '../../src/temporal/store/start-queue.ts';
import type { NewRun, StartOutcome } from '../../src/temporal/store/start-run.ts';

const AVAILABLE = { ensure: async () => undefined, check: async () => true, noteAnswer: () => undefined };

function queueOf(start: StartQueue['start']): (id: string) => Promise<StartOutcome> {
  const queue = createStartQueue(start, false, AVAILABLE);
  return (id) => queue.start(runOf(id), createCallBudget());
}

function runOf(id: string): NewRun {
  return {
    ref: toRequestRef({ project: 'default', id }),
    startId: id,
    body: new RawJson(new Uint8Array()),
    memo: {
      operation: 'chat.completions',
      model: 'm',
      fingerprint: '',
      options: RequestOptions.parse({}),
      created_at: '',
      run: 1,
    },
  };
}

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
});
