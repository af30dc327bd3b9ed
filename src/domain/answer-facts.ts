import type { Operation } from './operations.ts';
import { isObject } from './raw-json.ts';

/**
 * What the record shows of a completed answer beside its bytes. The worker reads it once, from the answer that it has
 * parsed anyway, and the journal carries it, so that no reader parses a result.
 */
export interface AnswerFacts {
  /** The upstream's `usage` object; null when there is none. */
  readonly usage: Readonly<Record<string, unknown>> | null;
  /** The upstream's id of a Response, which `previous_response_id` needs; null for other operations. */
  readonly upstream_response_id: string | null;
}

/** Characters of a usage object as JSON. OpenAI's have about 300; a larger one would crowd out the journal. */
const MAX_USAGE = 4_096;
/** Characters of an id. OpenAI's have about 55. */
const MAX_ID = 512;

/** @param answer the JSON object of a complete answer */
export function factsOf(operation: Operation, answer: Readonly<Record<string, unknown>>): AnswerFacts {
  const { usage, id } = answer;
  return {
    usage: isObject(usage) && JSON.stringify(usage).length <= MAX_USAGE ? usage : null,
    upstream_response_id: operation === 'responses' ? responseIdOf(id) : null,
  };
}

/** All tokens that a call used, as its usage reports them. Null = not reported. */
export function totalTokens({ usage }: AnswerFacts): number | null {
  const total = usage?.['total_tokens'];
  return typeof total === 'number' && Number.isFinite(total) && total >= 0 ? total : null;
}

/** The id of a Response, if it can stand in a path; else null. */
export function responseIdOf(id: unknown): string | null {
  return typeof id === 'string' && id.length <= MAX_ID && /^[\x21-\x7e]+$/.test(id) ? id : null;
}
