import { isObject } from './raw-json.ts';

/**
 * What an upstream's 200 is: `complete` is an answer; `no_result` holds nothing that could be one; `unfinished`
 * holds a part that has neither content nor end; `error` says itself that it failed.
 */
export type Completeness = 'complete' | 'no_result' | 'unfinished' | 'error';

/** Judges the JSON object of a 200 that carries no top-level `error`. */
export type CompletenessRule = (answer: Readonly<Record<string, unknown>>) => Completeness;

/** Chat completions: every choice has an end or content. */
export const choicesCompleteness: CompletenessRule = ({ choices }) => {
  if (!Array.isArray(choices) || choices.length === 0) return 'no_result';
  for (const choice of choices) {
    if (!isObject(choice)) return 'no_result';
    if (isSet(choice['error']) || choice['finish_reason'] === 'error') return 'error';
    if ((choice['finish_reason'] ?? null) === null && !hasContent(choice['message'])) return 'unfinished';
  }
  return 'complete';
};

/** Embeddings: every entry has a vector, as numbers or in base64. */
export const embeddingsCompleteness: CompletenessRule = ({ data }) => {
  if (!Array.isArray(data) || data.length === 0) return 'no_result';
  return data.every((entry) => isObject(entry) && isFilled(entry['embedding'])) ? 'complete' : 'unfinished';
};

/** Some upstreams send `error: null`, `false` or `""` with every completion. */
export function isSet(error: unknown): boolean {
  return error !== undefined && error !== null && error !== false && error !== '';
}

function hasContent(message: unknown): boolean {
  if (!isObject(message)) return false;
  const { content, tool_calls: tools, function_call: call, refusal, audio } = message;
  return isFilled(content) || isFilled(tools) || isFilled(refusal) || isObject(call) || isObject(audio);
}

function isFilled(value: unknown): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && value.length > 0;
}
