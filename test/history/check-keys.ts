import type { RequestHistory } from './request-history.ts';
import { responseIn } from './seen-response.ts';
import { violation, type Violation } from './violation.ts';

/** G4 and G5: what POSTs with one key were answered, in whatever order they arrived. */
export function checkKeys({ id, answers, accepted }: RequestHistory): Violation[] {
  const found: Violation[] = [];
  const keyed = accepted.filter(({ key }) => key !== null);
  const otherId = keyed.find((answer) => answer.id !== id);
  if (otherId !== undefined) found.push(violation('twoIds', id, `answered as ${otherId.id ?? 'no id'}`));
  const shown = answers.flatMap((answer) => responseIn(answer) ?? []).find((response) => response.id !== id);
  if (shown !== undefined) found.push(violation('twoIds', id, `shown as ${shown.id}`));
  const firsts = keyed.filter(({ replayed }) => !replayed).length;
  if (firsts > 1) found.push(violation('twoIds', id, `${firsts} POSTs were the first`));

  const bodies = new Set(keyed.map(({ sent }) => sent));
  if (bodies.size > 1) found.push(violation('mismatchAccepted', id, [...bodies].join(' and ')));

  const posts = answers.filter(({ operation }) => operation === 'post');
  const theOnlyBody = new Set(posts.map(({ sent }) => sent)).size === 1;
  const refused = posts.find(
    ({ status, sent, failureCode }) =>
      status === 422 && failureCode === null && (theOnlyBody || (bodies.size === 1 && bodies.has(sent))),
  );
  if (refused !== undefined) found.push(violation('ownBodyRefused', id, refused.text));
  return found;
}
