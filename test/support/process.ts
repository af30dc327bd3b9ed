import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

export interface RunningProcess {
  readonly child: ChildProcess;
  output(): string;
  untilOutput(text: string, withinMs?: number): Promise<void>;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/**
 * Runs one of the product's process entries with a clean environment.
 *
 * @param options `args`: of its command line; `openFiles`: how many files the process and what it starts may
 *   have open, sockets included
 */
export function runEntryFile(
  entry: string,
  env: Record<string, string>,
  { openFiles, args: given = [] }: { readonly openFiles?: number; readonly args?: readonly string[] } = {},
): RunningProcess {
  const path = fileURLToPath(new URL(`../../${entry}`, import.meta.url));
  const [command, args] =
    openFiles === undefined
      ? [process.execPath, [path, ...given]]
      : ['/bin/sh', ['-c', `ulimit -n ${openFiles} && exec "$0" "$@"`, process.execPath, path, ...given]];
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  return {
    child,
    output: () => said,
    untilOutput: async (text, withinMs = 30_000) =>
      void (await until(
        () => said,
        (all) => all.includes(text),
        withinMs,
      )),
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    },
  };
}
