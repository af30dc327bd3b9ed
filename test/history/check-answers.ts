import { z } from 'zod';
import type { ClientOperation, SeenAnswer } from './history.ts';
import type { RequestHistory } from './request-history.ts';
import { violation, type Violation } from './violation.ts';

const Refused = z.object({ error: z.object({ code: z.string() }) });

/** What any operation may be answered: nothing was done, and the same call can be made again. */
const NOT_NOW: readonly string[] = ['503 overloaded', '503 service_unavailable'];
/** The refusals of the contract that these operations can meet; recorded failures are another matter. */
const REFUSALS: Readonly<Record<ClientOperation, readonly string[]>> = {
  post: ['422 idempotency_key_reused', '409 request_being_deleted', '503 acceptance_unknown'],
  get: ['404 request_not_found'],
  cancel: ['404 request_not_found', '409 request_already_terminal'],
  retry: [
    '404 request_not_found',
    '409 request_already_completed',
    '409 request_not_terminal',
    '503 acceptance_unknown',
  ],
  delete: ['404 request_not_found', '409 request_not_terminal'],
};
const ACCEPTED: Readonly<Record<ClientOperation, readonly number[]>> = {
  post: [200, 202],
  get: [200],
  cancel: [200, 202],
  retry: [202],
  delete: [200],
};

/** G24: whatever is killed, a client sees answers of the contract, or none. */
export function checkAnswers({ id, answers }: RequestHistory): Violation[] {
  const strange = answers.find((answer) => !isOfContract(answer));
  if (strange === undefined) return [];
  const { operation, status, text } = strange;
  return [violation('unexpectedAnswer', id, `${operation}: ${status ?? ''} ${text.slice(0, 300)}`)];
}

function isOfContract({ operation, status, text, failureCode }: SeenAnswer): boolean {
  if (status === null || ACCEPTED[operation].includes(status)) return true;
  if (operation === 'post' && failureCode !== null) return true;
  const refused = Refused.safeParse(parsed(text));
  if (!refused.success) return false;
  const told = `${status} ${refused.data.error.code}`;
  return NOT_NOW.includes(told) || REFUSALS[operation].includes(told);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
