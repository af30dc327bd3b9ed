import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FaultDeployment } from './fault.ts';
import { leaksIn } from './leaks.ts';
import { CANARY } from './load.ts';
import { faultTable } from './report.ts';
import { runFaults, type FaultRun, type FaultRunResult } from './run-faults.ts';
import { startFaultUpstream } from './upstream.ts';

export interface JudgedRunSettings extends Omit<FaultRun, 'deployment' | 'upstream'> {
  readonly temporalBinary: string;
  readonly createDeployment: (parts: {
    dataDir: string;
    upstreamURL: string;
    temporalBinary: string;
  }) => Promise<FaultDeployment>;
}

export interface JudgedRun extends FaultRunResult {
  readonly leaks: readonly string[];
}

const CANARIES = [CANARY, 'sk-canary-'];

/** A whole run: directories, upstream and deployment up, faults, table, everything down again. */
export async function judgedRun(settings: JudgedRunSettings): Promise<JudgedRun> {
  const dir = await mkdtemp(join(tmpdir(), 'reqrun-faults-'));
  const dataDir = join(dir, 'data');
  const temporalBinary = join(dir, 'bin', 'temporal');
  await mkdir(join(dir, 'bin'));
  await symlink(settings.temporalBinary, temporalBinary);
  const upstream = await startFaultUpstream(join(dir, 'upstream.jsonl'));
  const parts = { dataDir, temporalBinary, upstreamURL: upstream.baseURL };
  const deployment = await settings.createDeployment(parts);
  try {
    await deployment.start();
    const result = await runFaults({ ...settings, deployment, upstream });
    settings.say(faultTable(result));
    const kept = await keepEvidence(settings.seed, result, deployment.output());
    if (kept !== null) settings.say(`VIOLATIONS: ${result.violations.length}; evidence in ${kept}`);
    return { ...result, leaks: leaksIn(deployment.output(), CANARIES) };
  } finally {
    await deployment.stop();
    await upstream.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** What one needs to understand a violation; null where there is none. */
async function keepEvidence(seed: number, result: FaultRunResult, output: string): Promise<string | null> {
  if (result.violations.length === 0) return null;
  const dir = await mkdtemp(join(tmpdir(), `reqrun-violations-${seed}-`));
  const ids = new Set(result.violations.map(({ id }) => id));
  const answers = result.history.answers.filter(({ key, id }) => ids.has(key ?? '') || ids.has(id ?? ''));
  const journal = result.journal.filter(({ id }) => ids.has(id));
  const made = result.made.map(({ fault, ...times }) => ({ fault: fault.name, ...times }));
  const { violations } = result;
  await writeFile(
    join(dir, 'evidence.json'),
    JSON.stringify({ violations, made, journal, answers }, null, 1),
  );
  await writeFile(join(dir, 'output.log'), output);
  return dir;
}
