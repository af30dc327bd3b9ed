import { z } from 'zod';
import { RequestOptions } from '../../domain/options.ts';

/** Fields that would steer the call elsewhere; never interpreted, never sent. */
const STEERING = ['api_base', 'base_url', 'api_key', 'headers', 'extra_headers', 'extra_body', 'extra_query'];

/** ReqRun's own members, taken out before the call. */
export const OWN_MEMBERS: ReadonlySet<string> = new Set(['wait', 'idempotency_key', 'reqrun']);

const NAME = /^[^\x00-\x1f\x7f]{1,256}$/;

const Message = z.looseObject({
  role: z.string(),
  content: z.union([z.string(), z.array(z.looseObject({})), z.null()]).optional(),
});

/**
 * OpenAI's Create Chat Completion, as far as it is checked here: `model`, `messages` and the JSON types of
 * well-known fields. Everything else passes through untouched and the upstream judges it.
 */
export const ChatCompletionBody = z
  .looseObject({
    model: z.string().regex(NAME, 'must be 1 to 256 characters without control characters'),
    messages: z.array(Message).min(1),
    stream: z.boolean().nullish().describe('true is refused: stream_not_supported.'),
    n: z.number().int().min(1).max(128).nullish(),
    temperature: z.number().nullish(),
    top_p: z.number().nullish(),
    max_tokens: z.number().int().nullish(),
    max_completion_tokens: z.number().int().nullish(),
    seed: z.number().int().nullish(),
    tools: z.array(z.looseObject({})).nullish(),
    wait: z
      .union([z.boolean(), z.number().min(0).max(3600)])
      .optional()
      .describe('Hold the answer for the result: true, or at most so many seconds.'),
    idempotency_key: z
      .string()
      .optional()
      .describe('The name of the request; visible in Temporal, so no personal data in it.'),
    reqrun: RequestOptions.optional(),
  })
  .superRefine((body, context) => {
    for (const name of STEERING) {
      if (name in body)
        context.addIssue({ code: 'unrecognized_keys', keys: [name], message: 'is not accepted' });
    }
  })
  .meta({ id: 'CreateChatCompletionRequest' });
export type ChatCompletionBody = z.infer<typeof ChatCompletionBody>;

/** The upstream's own answer; passed on byte for byte. */
export const ChatCompletion = z
  .looseObject({ id: z.string(), object: z.literal('chat.completion'), choices: z.array(z.looseObject({})) })
  .meta({ id: 'ChatCompletion' });
