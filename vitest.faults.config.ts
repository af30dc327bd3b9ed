import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** The large counts of the fault tests: one file at a time, an hour at most. */
export default defineConfig({
  test: {
    ...base.test,
    include: ['test/faults/*.faults.ts'],
    maxWorkers: 1,
    testTimeout: 3_600_000,
    hookTimeout: 120_000,
    disableConsoleIntercept: true,
  },
});
