import { isObject } from './raw-json.ts';

/**
 * How complete the body of an upstream's 200 is. `complete`: an answer. `no_result`: nothing that could be an
 * answer. `unfinished`: a part has neither content nor end. `error`: the body reports its own failure.
 */
export type Completeness = 'complete' | 'no_result' | 'unfinished' | 'error';

/** Returns the completeness of the JSON object of a 200 without a top-level `error`. */
export type CompletenessRule = (answer: Readonly<Record<string, unknown>>) => Completeness;

/** The rule for chat completions: every choice has an end or content. */
export const choicesCompleteness: CompletenessRule = ({ choices }) =>
  ofChoices(choices, ({ message }) => hasContent(message));

/** The rule for completions: every choice has an end or text. */
export const textChoicesCompleteness: CompletenessRule = ({ choices }) =>
  ofChoices(choices, ({ text }) => isFilled(text));

function ofChoices(
  choices: unknown,
  isBegun: (choice: Readonly<Record<string, unknown>>) => boolean,
): Completeness {
  if (!Array.isArray(choices) || choices.length === 0) return 'no_result';
  for (const choice of choices) {
    if (!isObject(choice)) return 'no_result';
    if (isSet(choice['error']) || isFailedFinish(choice['finish_reason'])) return 'error';
    if ((choice['finish_reason'] ?? null) === null && !isBegun(choice)) return 'unfinished';
  }
  return 'complete';
}

/**
 * The finish reasons that a provider documents as its own failure, in lower case. The content of such a
 * choice is only a part. The caller judges all other reasons, such as `length`, `content_filter`, Zhipu's
 * `sensitive` and `model_context_window_exceeded`.
 */
const FAILED_FINISHES: ReadonlySet<string> = new Set([
  // OpenRouter (openrouter.ai/docs/api/reference/overview), Mistral (docs.mistral.ai/api), watsonx, Cohere, vLLM.
  'error',
  // DeepSeek: api-docs.deepseek.com/api/create-chat-completion.
  'insufficient_system_resource',
  // Zhipu, Z.AI: docs.z.ai/api-reference/llm/chat-completion, "model inference exception".
  'network_error',
  // vLLM (vllm/v1/engine, FinishReason) and SGLang: the engine gave the request up.
  'abort',
  'aborted',
  // watsonx: ibm.github.io/watsonx-ai-node-sdk, TextChatResultChoice.FinishReason; ReqRun's caller did not
  // cancel it.
  'cancelled',
  // Cohere: docs.cohere.com/reference/chat. TensorRT-LLM has it as well, and `cancelled`.
  'timeout',
  // No source found. The names mean failures and were seen behind gateways.
  'server_error',
  'internal_error',
  'engine_error',
]);

/** Whether a `finish_reason` reports the provider's own failure. */
export function isFailedFinish(reason: unknown): boolean {
  return typeof reason === 'string' && FAILED_FINISHES.has(reason.toLowerCase());
}

/** The rule for embeddings: every entry has a vector, as numbers or in base64. */
export const embeddingsCompleteness: CompletenessRule = ({ data }) =>
  ofEntries(data, ({ embedding }) => isFilled(embedding));

/** The rule for moderations: every entry says whether its input was flagged. */
export const moderationsCompleteness: CompletenessRule = ({ results }) =>
  ofEntries(results, ({ flagged }) => typeof flagged === 'boolean');

/** The rule for images: every entry has its image, in base64 or as an address. */
export const imagesCompleteness: CompletenessRule = ({ data }) =>
  ofEntries(data, ({ b64_json, url }) => isFilled(b64_json) || isFilled(url));

/** The statuses of a Response that the upstream still works on. */
const UNDER_WAY: ReadonlySet<unknown> = new Set(['queued', 'in_progress']);

/** Whether a Response says that the upstream still works on it: its result can be read later. */
export function isUnderWay({ status }: Readonly<Record<string, unknown>>): boolean {
  return UNDER_WAY.has(status);
}

/**
 * The rule for responses. `incomplete` is an answer: the model stopped at a limit or a filter, and the caller
 * judges it. A status that is not known counts by its output, because a new one may mean anything.
 */
export const responseCompleteness: CompletenessRule = (answer) => {
  const { status, output } = answer;
  if (isUnderWay(answer)) return 'unfinished';
  if (status === 'failed' || status === 'cancelled') return 'error';
  if (!Array.isArray(output)) return 'no_result';
  if (status === 'completed' || status === 'incomplete') return 'complete';
  return output.length > 0 ? 'complete' : 'no_result';
};

function ofEntries(
  entries: unknown,
  isWhole: (entry: Readonly<Record<string, unknown>>) => boolean,
): Completeness {
  if (!Array.isArray(entries) || entries.length === 0) return 'no_result';
  return entries.every((entry) => isObject(entry) && isWhole(entry)) ? 'complete' : 'unfinished';
}

/**
 * Whether an `error` member holds an error. Some upstreams send `error: null`, `false` or `""` with every
 * completion.
 */
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
