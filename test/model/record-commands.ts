import type fc from 'fast-check';
import { expect } from 'vitest';
import type { SeenAnswer } from '../history/history.ts';
import { until } from '../support/until.ts';
import { learn, recordIn, told, type KnownRequest, type Model } from './request-model.ts';
import { act, type System } from './system.ts';

type Command = fc.AsyncCommand<Model, System>;
type Operation = 'get' | 'cancel' | 'retry' | 'delete';

/** A run that has ended is closed by a worker; while that one is being replaced, what needs it says so. */
const NOT_CLOSED = '503 service_unavailable';

/** Something that is done to the record of one key. */
abstract class OnRecord implements Command {
  protected readonly key: string;
  protected abstract readonly operation: Operation;

  constructor(key: string) {
    this.key = key;
  }

  check(_model: Readonly<Model>): boolean {
    return true;
  }

  toString(): string {
    return `${this.operation}(${this.key})`;
  }

  async run(model: Model, system: System): Promise<void> {
    const answer = await act(system, this.operation, this.key);
    if (system.killWorker !== null && told(answer) === NOT_CLOSED) {
      expect(['retry', 'delete']).toContain(this.operation);
      return;
    }
    const known = model.get(this.key);
    if (known === undefined || known === 'being deleted') {
      expect(told(answer)).toBe('404 request_not_found');
      return;
    }
    this.expect(known, answer, model);
  }

  protected abstract expect(known: KnownRequest, answer: SeenAnswer, model: Model): void;
}

export class Get extends OnRecord {
  protected readonly operation = 'get';

  protected expect(known: KnownRequest, answer: SeenAnswer): void {
    expect(told(answer)).toBe('200');
    learn(known, recordIn(answer));
  }
}

export class Cancel extends OnRecord {
  protected readonly operation = 'cancel';

  protected expect(known: KnownRequest, answer: SeenAnswer): void {
    if (told(answer) === '409 request_already_terminal') {
      expect(known.terminal).not.toBe('cancelled');
      return;
    }
    // Cancelled by an earlier call, which is not asked for again.
    if (told(answer) === '200') expect(recordIn(answer).status).toBe('cancelled');
    else expect([told(answer), known.terminal]).toEqual(['202', null]);
    known.cancelled = true;
    learn(known, recordIn(answer));
  }
}

export class Retry extends OnRecord {
  protected readonly operation = 'retry';

  protected expect(known: KnownRequest, answer: SeenAnswer): void {
    expectRetried(known, answer);
  }
}

/** Retries at once are answered by one run. */
export class RetryAtOnce implements Command {
  private readonly key: string;
  private readonly times: number;

  constructor(key: string, times: number) {
    this.key = key;
    this.times = times;
  }

  check = (model: Readonly<Model>): boolean => {
    const known = model.get(this.key);
    return known !== undefined && known !== 'being deleted' && known.terminal === 'failed';
  };
  toString = (): string => `retryAtOnce(${this.key}, ${this.times})`;

  async run(model: Model, system: System): Promise<void> {
    const known = model.get(this.key);
    if (known === undefined || known === 'being deleted') throw new Error('check() forbids it');
    const answers = await Promise.all(
      Array.from({ length: this.times }, () => act(system, 'retry', this.key)),
    );
    // A late one may find the next run ended and start another; each number has one run all the same.
    const runs = answers.filter((answer) => told(answer) === '202').map((answer) => recordIn(answer));
    if (runs.length === 0 && system.killWorker !== null) {
      expect(new Set(answers.map(told))).toEqual(new Set([NOT_CLOSED]));
      return;
    }
    expect(Math.min(...runs.map(({ run }) => run))).toBe(known.run + 1);
    const ids = new Set(runs.map(({ run, temporal }) => `${run} ${temporal.run_id}`));
    expect(ids.size).toBe(new Set(runs.map(({ run }) => run)).size);
    known.run = Math.max(...runs.map(({ run }) => run));
    known.terminal = null;
    known.cancelled = false;
  }
}

export class Delete extends OnRecord {
  protected readonly operation = 'delete';

  protected expect(known: KnownRequest, answer: SeenAnswer, model: Model): void {
    if (known.terminal === null && told(answer) === '409 request_not_terminal') return;
    expect([told(answer), answer.text]).toEqual(['200', expect.stringContaining('"request.deleted"')]);
    model.set(this.key, 'being deleted');
  }
}

/** Waits for the request's end, so that what follows meets a terminal one. */
export class AwaitEnd implements Command {
  private readonly key: string;

  constructor(key: string) {
    this.key = key;
  }

  check = (model: Readonly<Model>): boolean => {
    const known = model.get(this.key);
    return known !== undefined && known !== 'being deleted' && known.terminal === null;
  };
  toString = (): string => `awaitEnd(${this.key})`;

  async run(model: Model, system: System): Promise<void> {
    const known = model.get(this.key);
    if (known === undefined || known === 'being deleted') throw new Error('check() forbids it');
    const answer = await until(
      () => act(system, 'get', this.key),
      (read) => read.status === 200 && recordIn(read).terminal,
      30_000,
    );
    learn(known, recordIn(answer));
  }
}

export class KillWorker implements Command {
  check = (): boolean => true;
  toString = (): string => 'killWorker()';

  async run(_model: Model, system: System): Promise<void> {
    await system.killWorker?.();
  }
}

function expectRetried(known: KnownRequest, answer: SeenAnswer): void {
  const said = told(answer);
  if (known.terminal === 'completed') {
    expect(said).toBe('409 request_already_completed');
    return;
  }
  if (said === '202') {
    const record = recordIn(answer);
    const isNext = record.run === known.run + 1;
    // The run before may have ended without the model's knowing; it is never a first one that still goes.
    if (known.terminal !== null || known.run === 1) expect(record.run).toBe(known.run + 1);
    if (isNext) {
      known.run = record.run;
      known.terminal = null;
      known.cancelled = false;
    }
    learn(known, record);
    return;
  }
  expect([said, known.terminal]).toEqual([said, null]);
  expect(['409 request_not_terminal', '409 request_already_completed']).toContain(said);
}
