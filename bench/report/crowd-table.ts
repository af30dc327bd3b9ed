import { caseOf } from '../crowd/cases.ts';
import { CONTENDER_WORDS, type CrowdMeasure, FIGURE_WORDS, type Figure } from '../crowd/crowd-measure.ts';
import { type CaseSummary, crowdTargets, type Spread, summariseCrowd } from './crowd-summary.ts';
import { format } from './figures.ts';
import { table } from './markdown.ts';
import { isReached } from './targets.ts';

/** Figures with a column of their own. The others are in the last column. */
const COLUMNS: readonly Figure[] = [
  'completed',
  'callsPerCompletion',
  'refused',
  'timeAgainstIdeal',
  'errors',
];

/** Formats the row `crowd` as Markdown: the cases with medians and spread, and the targets. */
export function toCrowdMarkdown(measures: readonly CrowdMeasure[]): string[] {
  if (measures.length === 0) return [];
  const summaries = summariseCrowd(measures);
  const targets = crowdTargets(summaries);
  const names = [...new Set(summaries.map(({ name }) => name))];
  const contenders = [...new Set(summaries.map(({ contender }) => contender))];
  const errors = summaries.filter(({ firstError }) => firstError !== null);
  return [
    table(
      ['case', 'contender', 'rounds', ...COLUMNS.map((figure) => FIGURE_WORDS[figure]), 'also'],
      summaries.map(toRow),
    ),
    '',
    table(
      ['target', 'bound', 'measured', ''],
      targets.map((target) => [
        target.name,
        `${target.sense} ${target.bound}`,
        format(target.value),
        isReached(target) === true ? 'reached' : target.value === null ? 'no figure' : 'missed',
      ]),
    ),
    '',
    'Medians of the rounds, least and most in brackets. A dash = not reached within the time.',
    '',
    ...names.map((name) => `- ${name}: ${caseOf(name).what}`),
    ...contenders.map((contender) => `- ${contender}: ${CONTENDER_WORDS[contender]}`),
    ...errors.map(({ name, contender, firstError }) => `- ERRORS: ${name} ${contender}: ${firstError}`),
    '',
  ];
}

function toRow({ name, contender, rounds, spreads }: CaseSummary): string[] {
  const others = [...spreads].filter(([figure]) => !COLUMNS.includes(figure) && figure !== 'notCompleted');
  return [
    name,
    contender,
    String(rounds),
    ...COLUMNS.map((figure) => formatSpread(spreads.get(figure))),
    others.map(([figure, spread]) => `${FIGURE_WORDS[figure]} ${formatSpread(spread)}`).join('; '),
  ];
}

function formatSpread(spread: Spread | undefined): string {
  if (spread === undefined) return '';
  const { median, least, most } = spread;
  return least === most && median === least
    ? format(median)
    : `${format(median)} (${format(least)} to ${format(most)})`;
}
