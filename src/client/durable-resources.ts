import type { APIPromise, OpenAI } from 'openai';
import type { Stream } from 'openai/streaming';
import type { NewRequestOptions } from '../domain/options.ts';
import type { AsyncObject } from '../domain/operations.ts';
import type { AsyncRequest } from '../domain/record.ts';

/** ReqRun's own parameters of a call, in addition to OpenAI's. */
export interface DurableParams {
  /** Hold the answer until the result is there: true, or at most this many seconds (0 to 3600). */
  wait?: boolean | number;
  /** The name of the request. Without one, the client sends a new key with each call. */
  idempotency_key?: string;
  reqrun?: Partial<NewRequestOptions>;
}

/**
 * The `create` method of a resource. It also takes our parameters, and may return an accepted request instead
 * of the answer; `object` distinguishes the two.
 */
type DurableCreate<Params, Answer, Accepted extends AsyncObject> = (
  params: Params & DurableParams,
  options?: Parameters<OpenAI['embeddings']['create']>[1],
) => APIPromise<Answer | AsyncRequest<Accepted>>;

/** ReqRun's own parameters of a streamed call. It waits for its end in any case. */
export type StreamedParams = Omit<DurableParams, 'wait'>;

/**
 * A `create` with `stream: true`. The stream survives its connection, and gives each event once. Its iteration throws
 * `StreamSupersededError` if the attempt that it showed was abandoned.
 */
type StreamedCreate<Params, Event> = (
  params: Params & StreamedParams,
  options?: Parameters<OpenAI['embeddings']['create']>[1],
) => APIPromise<Stream<Event>>;

/** Parameters of a chat completion that is not streamed. */
export type CreateParams = OpenAI.Chat.Completions.ChatCompletionCreateParamsNonStreaming & DurableParams;

/** The `chat` resource of a ReqRun client. */
export type DurableChat = Omit<OpenAI['chat'], 'completions'> & {
  readonly completions: Omit<OpenAI['chat']['completions'], 'create'> & {
    create: DurableCreate<
      OpenAI.Chat.Completions.ChatCompletionCreateParamsNonStreaming,
      OpenAI.Chat.Completions.ChatCompletion,
      'chat.completion.async'
    > &
      StreamedCreate<
        OpenAI.Chat.Completions.ChatCompletionCreateParamsStreaming,
        OpenAI.Chat.Completions.ChatCompletionChunk
      >;
  };
};

/**
 * The `responses` resource of a ReqRun client. The answer is always a Response: its `status` tells whether it has
 * ended.
 */
export type DurableResponses = Omit<OpenAI['responses'], 'create'> & {
  create: ((
    params: OpenAI.Responses.ResponseCreateParamsNonStreaming & DurableParams,
    options?: Parameters<OpenAI['embeddings']['create']>[1],
  ) => APIPromise<OpenAI.Responses.Response>) &
    StreamedCreate<OpenAI.Responses.ResponseCreateParamsStreaming, OpenAI.Responses.ResponseStreamEvent>;
};

/** The `completions` resource of a ReqRun client: the older text completions. */
export type DurableCompletions = Omit<OpenAI['completions'], 'create'> & {
  create: DurableCreate<
    OpenAI.Completions.CompletionCreateParamsNonStreaming,
    OpenAI.Completions.Completion,
    'text_completion.async'
  > &
    StreamedCreate<OpenAI.Completions.CompletionCreateParamsStreaming, OpenAI.Completions.Completion>;
};

/** The `moderations` resource of a ReqRun client. Its answer has no `object`, so `'object' in answer` tells. */
export type DurableModerations = Omit<OpenAI['moderations'], 'create'> & {
  create: DurableCreate<
    OpenAI.Moderations.ModerationCreateParams,
    OpenAI.Moderations.ModerationCreateResponse,
    'moderation.async'
  >;
};

/** The `images` resource of a ReqRun client. Its answer has no `object`, so `'object' in answer` tells. */
export type DurableImages = Omit<OpenAI['images'], 'generate'> & {
  generate: DurableCreate<
    OpenAI.Images.ImageGenerateParamsNonStreaming,
    OpenAI.Images.ImagesResponse,
    'image.async'
  >;
};

/** The `embeddings` resource of a ReqRun client. */
export type DurableEmbeddings = Omit<OpenAI['embeddings'], 'create'> & {
  create: DurableCreate<
    OpenAI.Embeddings.EmbeddingCreateParams,
    OpenAI.Embeddings.CreateEmbeddingResponse,
    'embedding.async'
  >;
};
