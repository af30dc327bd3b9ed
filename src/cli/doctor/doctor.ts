import { Command } from 'commander';
import { ExitCode } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';
import { type Check, renderChecks } from './check.ts';

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
      // Loads Temporal's native core, which no other command needs.
      const { runChecks } = await import('./run-checks.ts');
      const checks = await runChecks();
      const isHealthy = checks.every(({ verdict }) => verdict !== 'fault');
      if (json) terminal.out(JSON.stringify({ ok: isHealthy, checks }));
      else terminal.out(`${renderChecks(checks)}\n\n${conclusion(checks)}`);
      finish(isHealthy ? ExitCode.done : ExitCode.failed);
    });
}

function conclusion(checks: readonly Check[]): string {
  const count = (verdict: Check['verdict']): number => checks.filter((one) => one.verdict === verdict).length;
  const faults = count('fault');
  if (faults > 0) return `${faults} ${faults === 1 ? 'fault' : 'faults'}: a start will not work as it is.`;
  const warnings = count('warning');
  return warnings === 0 ? 'All is well.' : `No faults. Warnings: ${warnings}.`;
}
