import { Command, CommanderError } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { doctorCommand } from './doctor/doctor.ts';
import { ExitCode, toFailure } from './exit-codes.ts';
import { keysCommand } from './keys.ts';
import { requestsCommand } from './requests.ts';
import { createTerminal, reportFailure, type Terminal } from './terminal.ts';

/**
 * Runs a command line, and sets the exit code of the process. A process that `start`, `api` or `worker`
 * started goes on after that.
 *
 * @param argv the arguments behind the program's name
 */
export async function runProgram(argv: readonly string[]): Promise<void> {
  const terminal = createTerminal(process);
  const finish = (code: ExitCode): void => void (process.exitCode = code);
  const program = buildProgram(terminal, finish);
  throwFaults(program);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has already printed what was wrong with the command.
      finish(error.exitCode === 0 ? ExitCode.done : ExitCode.usage);
      return;
    }
    const failure = toFailure(error);
    reportFailure(terminal, failure, argv.includes('--json'));
    finish(failure.exitCode);
  }
}

function buildProgram(terminal: Terminal, finish: (code: ExitCode) => void): Command {
  const program = new Command('reqrun')
    .description('One LLM request, made durable.')
    .version(manifest.version)
    .addCommand(keysCommand(terminal))
    .addCommand(requestsCommand(terminal, finish))
    .addCommand(doctorCommand(terminal, finish));
  // Each of these modules starts its process as soon as it is loaded.
  program
    .command('start')
    .description('run the API, a worker and a Temporal server, unless TEMPORAL_ADDRESS names another one')
    .action(async () => void (await import('../main.ts')));
  program
    .command('api')
    .description('run the API alone, for the Temporal server that TEMPORAL_ADDRESS names')
    .action(async () => void (await import('../api.ts')));
  program
    .command('worker')
    .description('run a worker alone, for the Temporal server that TEMPORAL_ADDRESS names')
    .action(async () => void (await import('../worker.ts')));
  return program;
}

/** Makes commander throw instead of ending the process, in every command. */
function throwFaults(command: Command): void {
  command.exitOverride();
  for (const one of command.commands) throwFaults(one);
}
