import { Command } from 'commander';
import { type Config, ConfigError, loadListeningConfig } from '../../config.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';
import { type Check, fault, ok, renderChecks } from './check.ts';
import { checkDataDir, checkNode, checkPorts } from './check-machine.ts';
import { checkTemporal } from './check-temporal.ts';
import { checkUpstream } from './check-upstream.ts';

/**
 * Creates `reqrun doctor`: checks what a start needs, and says what to do about it. It changes nothing.
 *
 * @param finish is given 1 if a check found a fault
 */
export function doctorCommand(terminal: Terminal, finish: (code: ExitCode) => void): Command {
  return new Command('doctor')
    .description('check what a start needs, and say what to do')
    .option('--json', 'print the checks as JSON')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      const checks = await runChecks();
      const isHealthy = checks.every(({ verdict }) => verdict !== 'fault');
      if (json) terminal.out(JSON.stringify({ ok: isHealthy, checks }));
      else terminal.out(`${renderChecks(checks)}\n\n${conclusion(checks)}`);
      finish(isHealthy ? ExitCode.done : ExitCode.failed);
    });
}

/** Runs all checks, as far as the configuration can be read. */
export async function runChecks(env?: NodeJS.ProcessEnv): Promise<readonly Check[]> {
  let config: Config;
  try {
    config = await loadListeningConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const todo = 'Correct the variables; docs/configuration.md lists them. The other checks need them.';
    return [checkNode(true), ...error.faults.map((found) => fault('configuration', found, todo))];
  }
  const isEmbedded = config.temporal.external === null;
  const dataDir = isEmbedded ? await checkDataDir(config.embedded.dataDir) : null;
  const [ports, temporal, upstream] = await Promise.all([
    checkPorts(config, dataDir?.isInUse ?? false),
    checkTemporal(config),
    checkUpstream(config),
  ]);
  return [
    checkNode(isEmbedded),
    ok('configuration', 'no faults'),
    ...(dataDir === null ? [] : [dataDir.check]),
    ...ports,
    temporal,
    ...upstream,
  ];
}

function conclusion(checks: readonly Check[]): string {
  const count = (verdict: Check['verdict']): number => checks.filter((one) => one.verdict === verdict).length;
  const faults = count('fault');
  if (faults > 0) return `${faults} ${faults === 1 ? 'fault' : 'faults'}: a start will not work as it is.`;
  const warnings = count('warning');
  return warnings === 0 ? 'All is well.' : `No faults. Warnings: ${warnings}.`;
}
