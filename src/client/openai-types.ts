/** The official client's types, under the names they are used by here. */
import type { OpenAI } from 'openai';

export type { APIPromise, OpenAI } from 'openai';
export type CallOptions = NonNullable<Parameters<OpenAI['chat']['completions']['create']>[1]>;
export type ChatCompletion = OpenAI.Chat.Completions.ChatCompletion;
export type ChatCompletionCreateParamsNonStreaming =
  OpenAI.Chat.Completions.ChatCompletionCreateParamsNonStreaming;
