/** `npm run test:faults`: every kind of fault, many times, on both deployments. */
import { expect, inject, it } from 'vitest';
import { createEmbeddedDeployment } from './embedded-deployment.ts';
import { judgedRun } from './judged-run.ts';
import { createSeparateDeployment } from './separate-deployment.ts';
import { readFaultSettings } from './settings.ts';

const settings = readFaultSettings();

it.each([
  ['npm start', createEmbeddedDeployment],
  ['separate processes', createSeparateDeployment],
] as const)(
  'loses nothing and hides no call with %s, whatever is killed',
  async (_name, createDeployment) => {
    const { violations, leaks } = await judgedRun({
      ...settings,
      temporalBinary: inject('temporalBinary'),
      createDeployment,
      say: (line) => void process.stdout.write(`${line}\n`),
    });
    expect(violations).toEqual([]);
    expect(leaks).toEqual([]);
  },
);
