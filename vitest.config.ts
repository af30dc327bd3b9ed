import { defineConfig } from 'vitest/config';

/** Starts one Temporal server for the tests of a project. */
const temporalServer = ['test/support/temporal-server.ts'];

export default defineConfig({
  test: {
    // Threads crash: the native module cannot be loaded twice in a process.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      // No Temporal server: seconds.
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      // API and worker in the test's own process, on a real server.
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: temporalServer,
        },
      },
      // Real processes, signals and the embedded server.
      {
        extends: true,
        test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], globalSetup: temporalServer },
      },
      // What must hold under crowds and faults: counts and orders, never times.
      {
        extends: true,
        test: { name: 'guards', include: ['test/guards/**/*.test.ts'], globalSetup: temporalServer },
      },
    ],
  },
});
