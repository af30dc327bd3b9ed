import type {
  APIPromise,
  ChatCompletion,
  ChatCompletionCreateParamsNonStreaming,
  OpenAI,
} from './openai-types.ts';
import type { CallOptions } from './openai-types.ts';
import type { RequestOptions } from '../domain/options.ts';
import type { AsyncChatCompletion } from '../domain/record.ts';

/** OpenAI's parameters and ReqRun's own. Streaming is not supported by the service. */
export interface CreateParams extends ChatCompletionCreateParamsNonStreaming {
  /** Hold the answer for the result: true, or at most so many seconds (0 to 3600). */
  wait?: boolean | number;
  /** The request's name; without one, the client sends a key of its own with each call. */
  idempotency_key?: string;
  reqrun?: Partial<RequestOptions>;
}

/** `chat` of a ReqRun client: as the official one, with a `create` whose type knows both answers. */
export type DurableChat = Omit<OpenAI['chat'], 'completions'> & {
  readonly completions: Omit<OpenAI['chat']['completions'], 'create'> & {
    create(params: CreateParams, options?: CallOptions): APIPromise<ChatCompletion | AsyncChatCompletion>;
  };
};
