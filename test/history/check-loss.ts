import { isBefore } from './history.ts';
import type { RequestHistory } from './request-history.ts';
import { violation, type Violation } from './violation.ts';

/** G1 and G11: what was accepted is readable from then on, and terminal when all is quiet. */
export function checkLoss({ id, answers, accepted, final, deleted }: RequestHistory): Violation[] {
  if (accepted.length === 0) return [];
  const found: Violation[] = [];
  if (!deleted && final === null) found.push(violation('lost', id, 'no record when all was quiet'));
  if (!deleted && final !== null && !final.terminal) {
    found.push(violation('unfinished', id, `${final.status} when all was quiet`));
  }
  const missing = answers.find(
    (answer) =>
      answer.operation === 'get' &&
      answer.status === 404 &&
      accepted.some((earlier) => isBefore(earlier, answer)),
  );
  // A request that is gone for good is one violation, not two.
  if (missing !== undefined && (deleted || final !== null)) {
    found.push(violation('notFoundAfterAnswer', id, `404 at ${Math.round(missing.startedMs)} ms`));
  }
  return found;
}
