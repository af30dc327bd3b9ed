import { ALL_CASES, type CaseName, caseOf, type CaseTarget } from '../crowd/cases.ts';
import {
  type Contender,
  CONTENDERS,
  type CrowdMeasure,
  FIGURE_WORDS,
  type Figure,
} from '../crowd/crowd-measure.ts';
import { median } from '../load/run-load.ts';
import type { Target } from './targets.ts';

/** A figure over the rounds. */
export interface Spread {
  /** Null if any round has no value, because an end that was not reached has no median. */
  readonly median: number | null;
  readonly least: number | null;
  readonly most: number | null;
}

/** All rounds of a case with one contender. */
export interface CaseSummary {
  readonly name: CaseName;
  readonly contender: Contender;
  readonly rounds: number;
  readonly spreads: ReadonlyMap<Figure, Spread>;
  readonly firstError: string | null;
}

/** Summarises the cases in the order of their table. */
export function summariseCrowd(measures: readonly CrowdMeasure[]): CaseSummary[] {
  return ALL_CASES.flatMap((name) => CONTENDERS.map((contender) => ({ name, contender }))).flatMap(
    ({ name, contender }) => {
      const rounds = measures.filter((one) => one.case === name && one.contender === contender);
      if (rounds.length === 0) return [];
      const firstError = rounds.find((one) => one.firstError !== null)?.firstError ?? null;
      return [{ name, contender, rounds: rounds.length, spreads: spreadsOf(rounds), firstError }];
    },
  );
}

function spreadsOf(rounds: readonly CrowdMeasure[]): Map<Figure, Spread> {
  const isKnown = (name: string): name is Figure => Object.hasOwn(FIGURE_WORDS, name);
  const spreads = new Map<Figure, Spread>();
  for (const figure of Object.keys(FIGURE_WORDS).filter(isKnown)) {
    const values = rounds.flatMap(({ figures }) => (figures[figure] === undefined ? [] : [figures[figure]]));
    const reached = values.filter((value) => value !== null);
    if (values.length === 0) continue;
    const isAll = reached.length === values.length;
    spreads.set(figure, {
      median: isAll ? median(reached) : null,
      least: reached.length === 0 ? null : Math.min(...reached),
      most: reached.length === 0 ? null : Math.max(...reached),
    });
  }
  return spreads;
}

/**
 * The targets of the measured cases, with the medians of the service. A median that was not reached within the time
 * is as far from its bound as can be. Null = the contender to compare with was not measured.
 */
export function crowdTargets(summaries: readonly CaseSummary[]): Target[] {
  const spreadOf = (name: CaseName, contender: Contender, figure: Figure): Spread | undefined =>
    summaries.find((one) => one.name === name && one.contender === contender)?.spreads.get(figure);
  const toTarget = (name: CaseName, { figure, sense, bound, over }: CaseTarget): Target => {
    const notReached = sense === 'at most' ? Infinity : 0;
    const own = spreadOf(name, 'service', figure)?.median ?? notReached;
    const other = over === undefined ? 1 : (spreadOf(name, over, figure)?.median ?? null);
    return {
      name: `${name}: ${FIGURE_WORDS[figure]}${over === undefined ? '' : ` / ${over}`}`,
      value: other === null ? null : own / other,
      bound,
      sense,
    };
  };
  return summaries
    .filter(({ contender }) => contender === 'service')
    .flatMap(({ name }) => caseOf(name).targets.map((target) => toTarget(name, target)));
}
