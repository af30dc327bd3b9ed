import { execFileSync } from 'node:child_process';
import type { BenchRun } from '../rows/bench-run.ts';
import { type CaseName, caseOf } from './cases.ts';
import { type Contender, type CrowdMeasure, FIGURE_WORDS, type Figure, type Found } from './crowd-measure.ts';
import { measureDoor, measureFloorDoor } from './door-case.ts';
import { measureLimitedAlone } from './limited-alone.ts';
import { measureLimitedService } from './limited-service.ts';
import { measurePosts } from './posts-case.ts';
import { measureProjects } from './projects-case.ts';
import { measureUnlimited } from './unlimited-case.ts';

/** Measures the cases that the options name, in rounds, each with the contenders that it has. */
export async function measureCrowd(run: BenchRun): Promise<CrowdMeasure[]> {
  const { cases, contenders, rounds, capSeconds } = run.options;
  const measures: CrowdMeasure[] = [];
  const note = (name: CaseName, contender: Contender, round: number, found: Found): void => {
    const common = { case: name, contender, round, date: new Date().toISOString(), capSeconds };
    measures.push({ ...common, commit: commitOf(checkoutOf(run, contender)), ...found });
    run.say(`crowd    ${name} ${contender} round ${round}: ${describe(found)}`);
  };
  const asked = (name: CaseName): Contender[] =>
    caseOf(name).contenders.filter(
      (one) => contenders.includes(one) && (one !== 'before' || run.options.before !== undefined),
    );
  for (const name of cases.filter((one) => caseOf(one).plan.kind === 'unlimited')) {
    const checkouts = new Map(asked(name).map((one) => [one, checkoutOf(run, one)] as const));
    for (const { contender, round, found } of await measureUnlimited(run, checkouts)) {
      note(name, contender, round, found);
    }
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const name of cases.filter((one) => caseOf(one).plan.kind !== 'unlimited')) {
      for (const contender of asked(name)) {
        run.say(`crowd    ${name} ${contender} round ${round}/${rounds}: ${caseOf(name).what}`);
        note(
          name,
          contender,
          round,
          await measureCase(run, name, contender, `${name}-${contender}-${round}`),
        );
      }
    }
  }
  return measures;
}

async function measureCase(
  run: BenchRun,
  name: CaseName,
  contender: Contender,
  model: string,
): Promise<Found> {
  const { plan } = caseOf(name);
  const checkout = checkoutOf(run, contender);
  switch (plan.kind) {
    case 'limited':
      return contender === 'sdk' || contender === 'p-limit'
        ? measureLimitedAlone(run, plan, model, contender)
        : measureLimitedService(run, plan, model, checkout);
    case 'projects':
      return measureProjects(run, plan, model, checkout);
    case 'door':
      return contender === 'floor'
        ? measureFloorDoor(run, plan.callers, model)
        : measureDoor(run, plan.callers, model, checkout);
    case 'posts':
      return measurePosts(run, model, checkout);
    case 'unlimited':
      throw new Error('is measured in rounds of its own');
  }
}

/** Root of the contender's checkout. Null = this one. */
function checkoutOf({ options }: BenchRun, contender: Contender): string | null {
  return contender === 'before' ? (options.before ?? null) : null;
}

function commitOf(checkout: string | null): string | null {
  try {
    const args = ['describe', '--always', '--dirty', '--exclude', '*'];
    const at = checkout === null ? {} : { cwd: checkout };
    return execFileSync('git', args, { ...at, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}

function describe({ figures, firstError }: Found): string {
  const isKnown = (name: string): name is Figure => Object.hasOwn(FIGURE_WORDS, name);
  const words = Object.entries(figures).map(([name, value]) =>
    isKnown(name) ? `${FIGURE_WORDS[name]} ${value === null ? '-' : Number(value.toFixed(2))}` : '',
  );
  return `${words.join(', ')}${firstError === null ? '' : ` (${firstError})`}`;
}
