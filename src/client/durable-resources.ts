import type { APIPromise, OpenAI } from 'openai';
import type { RequestOptions } from '../domain/options.ts';
import type { AsyncObject } from '../domain/operations.ts';
import type { AsyncRequest } from '../domain/record.ts';

/** ReqRun's own parameters of a call. */
export interface DurableParams {
  /** Hold the answer for the result: true, or at most so many seconds (0 to 3600). */
  wait?: boolean | number;
  /** The request's name; without one, the client sends a key of its own with each call. */
  idempotency_key?: string;
  reqrun?: Partial<RequestOptions>;
}

/** `create` of a resource: OpenAI's parameters and ours, and one answer more, of which `object` tells. */
type DurableCreate<Params, Answer, Accepted extends AsyncObject> = (
  params: Params & DurableParams,
  options?: Parameters<OpenAI['embeddings']['create']>[1],
) => APIPromise<Answer | AsyncRequest<Accepted>>;

/** Parameters of a chat completion. Streaming is not supported by the service. */
export type CreateParams = OpenAI.Chat.Completions.ChatCompletionCreateParamsNonStreaming & DurableParams;

/** `chat` of a ReqRun client. */
export type DurableChat = Omit<OpenAI['chat'], 'completions'> & {
  readonly completions: Omit<OpenAI['chat']['completions'], 'create'> & {
    create: DurableCreate<
      OpenAI.Chat.Completions.ChatCompletionCreateParamsNonStreaming,
      OpenAI.Chat.Completions.ChatCompletion,
      'chat.completion.async'
    >;
  };
};

/** `embeddings` of a ReqRun client. */
export type DurableEmbeddings = Omit<OpenAI['embeddings'], 'create'> & {
  create: DurableCreate<
    OpenAI.Embeddings.EmbeddingCreateParams,
    OpenAI.Embeddings.CreateEmbeddingResponse,
    'embedding.async'
  >;
};
