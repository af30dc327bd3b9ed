import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { z } from 'zod';
import manifest from '../../package.json' with { type: 'json' };

/** The machine and software versions of a run. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** Type of the file system that holds the databases. */
  readonly disk: string;
  readonly node: string;
  readonly versions: Readonly<Record<string, string>>;
  /** The commit, with `-dirty` if files differ from it. Null = outside a repository. */
  readonly commit: string | null;
}

const PACKAGES = [
  '@temporalio/worker',
  '@restatedev/restate-server',
  '@restatedev/restate-sdk',
  'fastify',
  'openai',
];

/** @param directory holds the databases */
export function describeMachine(directory: string, temporalBinary: string): Machine {
  const installed = { ...manifest.dependencies, ...manifest.devDependencies };
  const packages = Object.entries(installed).filter(([name]) => PACKAGES.includes(name));
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    disk: fileSystemOf(directory),
    node: process.version,
    versions: {
      reqrun: manifest.version,
      temporal: outputOf(temporalBinary, ['--version']) ?? 'unknown',
      ...Object.fromEntries(packages),
    },
    commit: outputOf('git', ['describe', '--always', '--dirty', '--exclude', '*']),
  };
}

/** The type of the mount with the longest path that holds the directory. */
function fileSystemOf(directory: string): string {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .trim()
    .split('\n')
    .map((line) => z.tuple([z.string(), z.string(), z.string()], z.string()).parse(line.split(' ')))
    .filter(([, at]) => at === '/' || directory === at || directory.startsWith(`${at}/`))
    .sort(([, one], [, other]) => other.length - one.length);
  return mounts[0]?.[2] ?? 'unknown';
}

function outputOf(command: string, args: readonly string[]): string | null {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}
