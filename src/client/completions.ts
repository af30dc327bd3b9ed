import type { APIPromise, OpenAI } from 'openai';
import type { RequestOptions } from '../domain/options.ts';
import type { AsyncChatCompletion } from '../domain/record.ts';

type Completions = OpenAI['chat']['completions'];
type CallOptions = NonNullable<Parameters<Completions['create']>[1]>;

/** OpenAI's parameters and ReqRun's own. Streaming is not supported by the service. */
export interface CreateParams extends OpenAI.Chat.Completions.ChatCompletionCreateParamsNonStreaming {
  /** Hold the answer for the result: true, or at most so many seconds (0 to 3600). */
  wait?: boolean | number;
  /** The request's name; without one, the client sends a key of its own with each call. */
  idempotency_key?: string;
  reqrun?: Partial<RequestOptions>;
}

/** `chat` of a ReqRun client: as the official one, with a `create` whose type knows both answers. */
export type DurableChat = Omit<OpenAI['chat'], 'completions'> & {
  readonly completions: Omit<Completions, 'create'> & {
    create(
      params: CreateParams,
      options?: CallOptions,
    ): APIPromise<OpenAI.Chat.Completions.ChatCompletion | AsyncChatCompletion>;
  };
};
