import fc from 'fast-check';
import { Post, PostAndLeave, PostAtOnce } from './post-commands.ts';
import { AwaitEnd, Cancel, Delete, Get, KillWorker, Retry, RetryAtOnce } from './record-commands.ts';
import type { Model } from './request-model.ts';
import type { System } from './system.ts';

/** What the upstream does with the calls of one request, one after the other. */
const SCRIPTS = [
  'ok',
  'ok-300',
  'ok-900',
  '400',
  '400+ok',
  '400+400+ok-200',
  '429+ok',
  '500+ok',
  'reset+ok',
  'cut+400',
  'stall+ok',
  'stall+400+ok',
] as const;

/** Arbitrary lives of a few keys. */
export function arbitraryCommands(
  maxCommands: number,
  withKills: boolean,
): fc.Arbitrary<Iterable<fc.AsyncCommand<Model, System>>> {
  const key = fc.constantFrom('x', 'y', 'z');
  const script = fc.constantFrom(...SCRIPTS);
  const post = fc.record({
    script,
    sent: fc.constantFrom('a', 'a', 'a', 'b'),
    waitSeconds: fc.constantFrom(0, 0, 0.2, 1),
  });
  const leaving = fc.record({
    script,
    sent: fc.constant('a'),
    waitSeconds: fc.constant(3),
    leaveAfterMs: fc.integer({ min: 1, max: 80 }),
  });
  const posts = fc.tuple(key, post).map(([name, plan]) => new Post(name, plan));
  return fc.commands(
    [
      posts,
      posts,
      fc.tuple(key, post, fc.integer({ min: 2, max: 6 })).map((args) => new PostAtOnce(...args)),
      fc.tuple(key, leaving).map((args) => new PostAndLeave(...args)),
      key.map((name) => new Get(name)),
      key.map((name) => new AwaitEnd(name)),
      key.map((name) => new Cancel(name)),
      key.map((name) => new Retry(name)),
      fc.tuple(key, fc.integer({ min: 2, max: 5 })).map((args) => new RetryAtOnce(...args)),
      key.map((name) => new Delete(name)),
      ...(withKills ? [fc.constant(new KillWorker())] : []),
    ],
    { maxCommands, size: 'max' },
  );
}
