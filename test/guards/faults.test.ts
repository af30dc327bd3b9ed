/**
 * The promises under kill -9, on real processes: scaled down from `npm run test:faults`. The seed is printed
 * and `SEED=` repeats the schedule.
 */
import { describe, expect, inject, it } from 'vitest';
import { createEmbeddedDeployment } from '../faults/embedded-deployment.ts';
import { judgedRun, type JudgedRun, type JudgedRunSettings } from '../faults/judged-run.ts';
import { chooseSeed } from '../faults/prng.ts';
import { createSeparateDeployment } from '../faults/separate-deployment.ts';

const seed = chooseSeed();

function run(createDeployment: JudgedRunSettings['createDeployment'], kinds: RegExp): Promise<JudgedRun> {
  return judgedRun({
    seed,
    perSecond: 4,
    times: 1,
    kinds,
    maxMs: 30_000,
    temporalBinary: inject('temporalBinary'),
    createDeployment,
    say: (line) => void process.stdout.write(`${line}\n`),
  });
}

describe('under faults and load, what was answered is kept and no call is hidden', () => {
  it.each([
    ['npm start', createEmbeddedDeployment, /kill -9/],
    ['separate processes', createSeparateDeployment, /kill -9|SIGTERM/],
  ] as const)(
    'with %s: 0 violations, because every answer came after Temporal had it on disk',
    async (_name, createDeployment, kinds) => {
      const { violations, leaks, made } = await run(createDeployment, kinds);
      expect(violations).toEqual([]);
      expect(leaks).toEqual([]);
      expect(made.length).toBeGreaterThan(0);
    },
    240_000,
  );
});
