import type fc from 'fast-check';
import { expect } from 'vitest';
import type { SeenAnswer } from '../history/history.ts';
import { isAcceptance } from '../history/request-history.ts';
import { until } from '../support/until.ts';
import { learnStatus, told, type KnownRequest, type Model } from './request-model.ts';
import { act, send, type PostPlan, type System } from './system.ts';

type Command = fc.AsyncCommand<Model, System>;

/** A POST: the first of a free key, a repetition, or another body under the same key. */
export class Post implements Command {
  private readonly key: string;
  private readonly plan: PostPlan;

  constructor(key: string, plan: PostPlan) {
    this.key = key;
    this.plan = plan;
  }

  check = (): boolean => true;
  toString = (): string => `post(${this.key}, ${JSON.stringify(this.plan)})`;

  async run(model: Model, system: System): Promise<void> {
    const plan = planFor(model, this.key, this.plan);
    expectPosted(model, this.key, plan, await send(system, this.key, plan));
  }
}

/** The same POST several times at once: at most one of them is the first. */
export class PostAtOnce implements Command {
  private readonly key: string;
  private readonly plan: PostPlan;
  private readonly times: number;

  constructor(key: string, plan: PostPlan, times: number) {
    this.key = key;
    this.plan = plan;
    this.times = times;
  }

  check = (model: Readonly<Model>): boolean => model.get(this.key) !== 'being deleted';
  toString = (): string => `postAtOnce(${this.key}, ${JSON.stringify(this.plan)}, ${this.times})`;

  async run(model: Model, system: System): Promise<void> {
    const plan = planFor(model, this.key, this.plan);
    const answers = await Promise.all(Array.from({ length: this.times }, () => send(system, this.key, plan)));
    const firsts = answers.filter((answer) => isAcceptance(answer) && !answer.replayed);
    expect(firsts).toHaveLength(model.has(this.key) ? 0 : 1);
    // An answer that shows a terminal request is taken last: the others may be older.
    const ordered = [...firsts, ...answers.filter((answer) => !firsts.includes(answer))];
    for (const answer of ordered.sort((one, other) => rank(one) - rank(other))) {
      if (model.has(this.key)) expectJoined(model, this.key, plan, answer);
      else expectPosted(model, this.key, plan, { ...answer, replayed: false });
    }
  }
}

/** A caller that leaves while it waits: nothing is cancelled by that. */
export class PostAndLeave implements Command {
  private readonly key: string;
  private readonly plan: PostPlan;

  constructor(key: string, plan: PostPlan) {
    this.key = key;
    this.plan = plan;
  }

  check = (model: Readonly<Model>): boolean => model.get(this.key) !== 'being deleted';
  toString = (): string => `postAndLeave(${this.key}, ${JSON.stringify(this.plan)})`;

  async run(model: Model, system: System): Promise<void> {
    const plan = planFor(model, this.key, this.plan);
    const answer = await send(system, this.key, plan);
    if (answer.status !== null) return expectPosted(model, this.key, plan, answer);
    if (model.has(this.key)) return;
    // Whether the POST had arrived when the caller left is open; if so, it shows soon.
    const read = await until(
      () => act(system, 'get', this.key),
      ({ status }) => status === 200,
      1_000,
    ).catch(() => null);
    if (read !== null) model.set(this.key, accepted(plan));
  }
}

/** A key's own body is the one its request was first sent with; `b` stays another one. */
function planFor(model: Model, key: string, plan: PostPlan): PostPlan {
  const known = model.get(key);
  return known === undefined || known === 'being deleted' ? plan : { ...plan, script: known.script };
}

function expectPosted(model: Model, key: string, plan: PostPlan, answer: SeenAnswer): void {
  const known = model.get(key);
  if (known === 'being deleted' && told(answer) === '409 request_being_deleted') return;
  if (known !== undefined && known !== 'being deleted') return expectJoined(model, key, plan, answer);
  expect([told(answer), isAcceptance(answer), answer.replayed]).toEqual([told(answer), true, false]);
  const created = accepted(plan);
  model.set(key, created);
  learnStatus(created, terminalIn(answer));
}

function expectJoined(model: Model, key: string, plan: PostPlan, answer: SeenAnswer): void {
  const known = model.get(key);
  if (known === undefined || known === 'being deleted') throw new Error('the model lost a request');
  if (plan.sent !== known.sent) {
    expect(told(answer)).toBe('422 idempotency_key_reused');
    return;
  }
  expect([told(answer), isAcceptance(answer)]).toEqual([told(answer), true]);
  learnStatus(known, terminalIn(answer));
}

function terminalIn({ status, failureCode }: SeenAnswer): KnownRequest['terminal'] {
  if (status === 200) return 'completed';
  if (failureCode === null) return null;
  return failureCode === 'request_cancelled' ? 'cancelled' : 'failed';
}

function rank(answer: SeenAnswer): number {
  return terminalIn(answer) === null ? 0 : 1;
}

function accepted({ script, sent }: PostPlan): KnownRequest {
  return { script, sent, run: 1, terminal: null, cancelled: false };
}
