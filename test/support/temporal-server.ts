import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { loadConfig } from '../../src/config.ts';
import { findTemporalBinary } from '../../src/dev-server/find-binary.ts';
import { binarySettings } from '../../src/process/choose-temporal.ts';
import { createOwnTemporal } from './own-temporal.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The Temporal server of this test run. */
    temporalAddress: string;
    /** The Temporal CLI the run found, for tests that start servers of their own. */
    temporalBinary: string;
    /** The database file of this run's server. */
    temporalDatabase: string;
  }
}

/** One real Temporal server for the whole run; each test has a task queue and ids of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const { path } = await findTemporalBinary(binarySettings(loadConfig(), say));
  const server = await createOwnTemporal(path, {
    // For a run that is to get no workflow task for a while.
    dynamicConfig: { 'frontend.WorkflowPauseEnabled': true },
    log: { warn: (_fields, message) => say(message) },
  });
  await server.start();
  project.provide('temporalAddress', server.address);
  project.provide('temporalBinary', path);
  project.provide('temporalDatabase', join(server.dataDir, 'temporal.db'));
  return server.remove;
}
