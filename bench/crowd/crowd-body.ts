import { z } from 'zod';
import { promptOf } from '../load/load.ts';

const Fields = z.record(z.string(), z.unknown());
/** Characters that the limited upstream counts as one token. */
const CHARACTERS_PER_TOKEN = 4;
/** Tokens of the answer that every body allows. */
const ANSWER_TOKENS = 16;

/**
 * Builds a call's body.
 *
 * @param options `tokens`: the size that the upstream charges for, in which the allowed answer is contained.
 *   `user`: marks the call in the upstream's log
 */
export function crowdBody(
  model: string,
  { tokens, user }: { readonly tokens?: number; readonly user?: string } = {},
): Buffer {
  const mark = user === undefined ? '' : `,"user":"${user}"`;
  const bytes =
    tokens === undefined ? undefined : (tokens - ANSWER_TOKENS) * CHARACTERS_PER_TOKEN - mark.length;
  const body = promptOf(model, bytes);
  if (user === undefined) return body;
  return Buffer.from(JSON.stringify({ ...Fields.parse(JSON.parse(body.toString())), user }));
}
