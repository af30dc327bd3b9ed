import { Command } from 'commander';
import { z } from 'zod';
import { ALL_CASES, caseOf, isCase } from './crowd/cases.ts';
import { CONTENDERS, isContender } from './crowd/crowd-measure.ts';
import { ALL_ROWS, isRow, ROWS, STANDARD_ROWS } from './rows/row.ts';
import { isSystemName, SYSTEMS } from './systems/system.ts';

const count = z.coerce.number().int().min(1);
const list = z.string().transform((text) => text.split(','));

/** Options of `npm run bench`. The flags below describe them. */
const Options = z.object({
  rounds: count,
  seconds: z.coerce.number().min(0.5),
  warmUpSeconds: z.coerce.number().min(0),
  delayMs: z.coerce.number().int().min(0),
  concurrency: count,
  systems: list.pipe(z.array(z.string().refine(isSystemName, { error: `of ${SYSTEMS.join(', ')}` }))),
  only: list.pipe(z.array(z.string().refine(isRow, { error: `of ${ALL_ROWS.join(', ')}` }))),
  inFlight: count,
  recovering: count,
  keys: count,
  callers: count,
  callersPerSecond: count,
  heldSeconds: count,
  calls: count,
  longSeconds: count,
  cases: list.pipe(z.array(z.string().refine(isCase, { error: `of ${ALL_CASES.join(', ')}` }))),
  contenders: list.pipe(z.array(z.string().refine(isContender, { error: `of ${CONTENDERS.join(', ')}` }))),
  /** Root of the checkout that is measured as `before`. */
  before: z.string().optional(),
  capSeconds: count,
  posts: count,
  /** False = write no files. */
  out: z.union([z.literal(false), z.string()]).optional(),
});
export type BenchOptions = Omit<z.infer<typeof Options>, 'out'> & { readonly out: string | false };

/**
 * Reads the command line. Ends the process with its usage, or with the fault in the options.
 *
 * @param results default directory for the results of a run of all systems and all standard rows
 */
export function readOptions(argv: readonly string[], results: string): BenchOptions {
  const rows = ALL_ROWS.map((row) => `  ${row.padEnd(14)} ${ROWS[row].what}`).join('\n');
  const cases = ALL_CASES.map((name) => `  ${name.padEnd(22)} ${caseOf(name).what}`).join('\n');
  const command = new Command('bench')
    .description(
      `Compares ReqRun with other systems, in interleaved rounds of one run.\n\nRows:\n${rows}\n\nCases of the row crowd:\n${cases}`,
    )
    .option('--rounds <n>', 'interleaved rounds', '5')
    .option('--seconds <n>', 'duration of each measurement under load', '5')
    .option('--warm-up-seconds <n>', 'duration of the load on each system before anything is measured', '10')
    .option('--delay-ms <n>', 'time that the upstream takes for a call', '50')
    .option('--concurrency <n>', 'concurrent calls in the closed loop that finds the ceiling', '64')
    .option('--systems <list>', 'systems to measure', SYSTEMS.join(','))
    .option('--rows, --only <list>', 'rows to measure', STANDARD_ROWS.join(','))
    .option('--in-flight <n>', 'requests in flight in the row memory', '1000')
    .option('--recovering <n>', 'requests in flight in the row recovery', '200')
    .option('--keys <n>', 'keys in the row duplicates', '10000')
    .option('--callers <n>', 'callers in the row held', '10000')
    .option('--callers-per-second <n>', 'arrival rate of callers in the row held', '60')
    .option('--held-seconds <n>', 'time that the upstream takes for a call in the row held', '60')
    .option('--calls <n>', 'concurrent upstream calls in the row in-flight', '5000')
    .option('--long-seconds <n>', 'time that the upstream takes in the row long-call', '360')
    .option('--cases <list>', 'cases of the row crowd', ALL_CASES.join(','))
    .option('--contenders <list>', 'contenders of the row crowd', CONTENDERS.join(','))
    .option('--before <directory>', 'another checkout, with its packages, as a contender of the row crowd')
    .option('--cap-seconds <n>', 'time after which a case of the row crowd is stopped', '200')
    .option('--posts <n>', 'asynchronous POSTs in the case posts', '10000')
    .option('--out <directory>', 'directory for the results and their picture; a full run has a default')
    .option('--no-out', 'write no files')
    .parse([...argv]);
  const parsed = Options.safeParse(command.opts());
  if (!parsed.success) return command.error(z.prettifyError(parsed.error));
  const { only, systems, out } = parsed.data;
  const isFull =
    STANDARD_ROWS.every((row) => only.includes(row)) && SYSTEMS.every((name) => systems.includes(name));
  return { ...parsed.data, out: out ?? (isFull ? results : false) };
}
