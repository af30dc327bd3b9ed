import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { CrowdMeasure } from '../crowd/crowd-measure.ts';
import type { Machine } from '../machine/describe-machine.ts';
import { toCrowdSvg } from './crowd-plot.ts';

/** Content of crowd.json. */
const CrowdResults = z.object({
  /** The machine of the newest measures. */
  machine: z.unknown(),
  measures: z.array(CrowdMeasure),
});

const PICTURE = fileURLToPath(new URL('../../docs/crowds.svg', import.meta.url));

/**
 * Writes crowd.json to a directory, and the picture to docs/crowds.svg. Measures of an earlier run stay if the case
 * was not measured again with the same contender, so that "before" need not be measured again.
 */
export async function storeCrowd(
  out: string,
  measured: readonly CrowdMeasure[],
  machine: Machine,
): Promise<void> {
  const path = join(out, 'crowd.json');
  const keyOf = (one: CrowdMeasure): string => `${one.case} ${one.contender}`;
  const isNew = new Set(measured.map(keyOf));
  const kept = (await readStored(path)).filter((one) => !isNew.has(keyOf(one)));
  const measures = [...kept, ...measured];
  await mkdir(out, { recursive: true });
  await writeFile(path, `${JSON.stringify({ machine, measures }, null, 1)}\n`);
  await writeFile(PICTURE, toCrowdSvg(measures, machine));
}

async function readStored(path: string): Promise<CrowdMeasure[]> {
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? [] : CrowdResults.parse(JSON.parse(text)).measures;
}
