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
    if (isSet(choice['error']) || isFailedFinish(choice['finish_reason'])) return 'error';
    if ((choice['finish_reason'] ?? null) === null && !hasContent(choice['message'])) return 'unfinished';
  }
  return 'complete';
};

/**
 * The ends that a provider documents as its own failure, in lower case; what the choice holds is a piece. All others
 * are the caller's to judge: `length`, `content_filter`, Zhipu's `sensitive` and `model_context_window_exceeded`.
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
  // watsonx: ibm.github.io/watsonx-ai-node-sdk, TextChatResultChoice.FinishReason; nobody here cancelled it.
  'cancelled',
  // Cohere: docs.cohere.com/reference/chat. TensorRT-LLM has it as well, and `cancelled`.
  'timeout',
  // No source found: failures by their names, seen behind gateways.
  'server_error',
  'internal_error',
  'engine_error',
]);

/** Whether a `finish_reason` is a provider's word for its own failure. */
export function isFailedFinish(reason: unknown): boolean {
  return typeof reason === 'string' && FAILED_FINISHES.has(reason.toLowerCase());
}

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
