import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../machine/describe-machine.ts';
import type { BenchOptions } from '../options.ts';
import type { Measures } from '../rows/measure.ts';
import { SYSTEMS } from '../systems/system.ts';
import { storeCrowd } from './crowd-results.ts';
import { toCrowdMarkdown } from './crowd-table.ts';
import { toSvg } from './plot.ts';
import { summarise } from './summary.ts';
import { toMarkdown } from './table.ts';
import { isReached, targetsOf } from './targets.ts';

/** A finished run. */
export interface FinishedRun {
  readonly measures: Measures;
  readonly options: BenchOptions;
  readonly machine: Machine;
  /** Remarks for readers of the figures, such as a system that was left out and why. */
  readonly notes: readonly string[];
}

/**
 * Resolves to the table. With `options.out`, writes latest.json and latest.svg to that directory, and the row
 * `crowd` to files of its own.
 */
export async function report({ measures, options, machine, notes }: FinishedRun): Promise<string> {
  const summaries = SYSTEMS.filter((name) => options.systems.includes(name)).map((name) =>
    summarise(name, measures),
  );
  const targets = targetsOf(summaries, measures);
  const { out, ...asked } = options;
  if (out !== false && measures.crowd.length > 0) await storeCrowd(out, measures.crowd, machine);
  if (out !== false && options.only.some((row) => row !== 'crowd')) {
    const date = new Date().toISOString();
    const judged = targets.map((target) => ({ ...target, reached: isReached(target) }));
    // The file leaves out the latencies, because the figures already summarise them.
    const loads = measures.loads.map(({ latenciesMs, ...kept }) => ({ ...kept, calls: latenciesMs.length }));
    const { crowd: _, ...others } = measures;
    const all = {
      date,
      machine,
      notes,
      options: asked,
      summaries,
      targets: judged,
      measures: { ...others, loads },
    };
    await mkdir(out, { recursive: true });
    await writeFile(join(out, 'latest.json'), `${JSON.stringify(all, null, 2)}\n`);
    await writeFile(join(out, 'latest.svg'), toSvg(summaries, machine, options.delayMs, date));
  }
  const isOnlyCrowd = options.only.every((row) => row === 'crowd');
  const tables = isOnlyCrowd ? [] : [toMarkdown(summaries, targets, measures, notes)];
  return [...tables, ...toCrowdMarkdown(measures.crowd)].join('\n');
}
