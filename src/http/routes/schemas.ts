import { z } from 'zod';
import { type Operation, OPERATIONS } from '../../domain/operations.ts';
import { NewRequestOptions } from '../../domain/options.ts';
import { asyncRequest } from '../../domain/record.ts';

/** Fields that could redirect the upstream call. They are refused. */
const STEERING = ['api_base', 'base_url', 'api_key', 'headers', 'extra_headers', 'extra_body', 'extra_query'];

const NAME = /^[^\x00-\x1f\x7f]{1,256}$/;

const Model = z.string().regex(NAME, 'must be 1 to 256 characters without control characters');
const OptionalModel = Model.nullish().describe('Without it the upstream chooses the model.');

/** ReqRun's own members, removed before the upstream call. */
const ownFields = {
  wait: z
    .union([z.boolean(), z.number().min(0).max(3600)])
    .optional()
    .describe('Hold the answer until the result is there: true, or at most this many seconds.'),
  idempotency_key: z
    .string()
    .optional()
    .describe('The name of the request. It is visible in Temporal, so it must not contain personal data.'),
  reqrun: NewRequestOptions.optional(),
};
export const OWN_MEMBERS: ReadonlySet<string> = new Set(Object.keys(ownFields));

/**
 * The body of an operation: the OpenAI fields that are checked here, and ReqRun's own. All other fields are
 * sent upstream unchanged, and the upstream validates them.
 */
function requestBody<Fields extends z.ZodRawShape>(fields: Fields) {
  return z
    .looseObject({
      ...fields,
      ...ownFields,
    })
    .superRefine((body, context) => {
      for (const name of STEERING) {
        if (Object.hasOwn(body, name))
          context.addIssue({ code: 'unrecognized_keys', keys: [name], message: 'is not accepted' });
      }
    });
}

const stream = z
  .boolean()
  .nullish()
  .describe('true: the answer comes as server-sent events, and is held until its end. `wait` has no effect.');
const stream_options = z
  .looseObject({ include_usage: z.boolean().nullish() })
  .nullish()
  .describe('`include_usage`: whether this caller gets the usage as the last chunk.');
const noStream = z.boolean().nullish().describe('true is refused: stream_not_supported.');

/** An integer of any size. zod's `int` ends at 2^53 - 1, but OpenAI's `seed` is an int64. */
const Integer = z
  .number()
  .refine((value) => Number.isInteger(value), 'must be an integer')
  .meta({ type: 'integer' });

const Message = z.looseObject({
  role: z.string(),
  content: z.union([z.string(), z.array(z.looseObject({})), z.null()]).optional(),
});

const ChatCompletionBody = requestBody({
  model: Model,
  messages: z.array(Message).min(1),
  stream,
  stream_options,
  n: z.number().int().min(1).max(128).nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  max_tokens: Integer.nullish(),
  max_completion_tokens: Integer.nullish(),
  seed: Integer.nullish(),
  tools: z.array(z.looseObject({})).nullish(),
}).meta({ id: 'CreateChatCompletionRequest' });

const EmbeddingBody = requestBody({
  model: Model,
  input: z.union([z.string(), z.array(z.union([z.string(), z.number(), z.array(z.number())])).min(1)]),
  dimensions: z.number().int().min(1).nullish(),
  encoding_format: z.string().nullish(),
}).meta({ id: 'CreateEmbeddingRequest' });

const CompletionBody = requestBody({
  model: Model,
  prompt: z
    .union([z.string(), z.array(z.union([z.string(), z.number(), z.array(z.number())])).min(1)])
    .nullable(),
  stream,
  stream_options,
  n: z.number().int().min(1).max(128).nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  max_tokens: Integer.nullish(),
  seed: Integer.nullish(),
}).meta({ id: 'CreateCompletionRequest' });

const ModerationBody = requestBody({
  model: OptionalModel,
  input: z.union([z.string(), z.array(z.union([z.string(), z.looseObject({})])).min(1)]),
}).meta({ id: 'CreateModerationRequest' });

const ImageBody = requestBody({
  model: OptionalModel,
  prompt: z.string(),
  stream: noStream,
  n: z.number().int().min(1).max(10).nullish(),
}).meta({ id: 'CreateImageRequest' });

const ResponseBody = requestBody({
  model: OptionalModel,
  input: z.union([z.string(), z.array(z.looseObject({}))]).nullish(),
  previous_response_id: z
    .string()
    .nullish()
    .describe("The id of a completed request of this operation, or the upstream's own id."),
  background: z
    .boolean()
    .nullish()
    .describe('true: the answer is the Response as it stands, at once. Never sent upstream.'),
  stream,
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  max_output_tokens: Integer.nullish(),
  tools: z.array(z.looseObject({})).nullish(),
}).meta({ id: 'CreateResponseRequest' });

/** OpenAI's Response. Only the members that every Response here has are named. */
export const ResponseObject = z
  .looseObject({
    id: z.string().describe('The id of the request, in every state.'),
    object: z.literal(OPERATIONS.responses.asyncObject),
    created_at: z.number(),
    status: z.enum(['queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled']),
    model: z.string().nullable(),
    output: z.array(z.looseObject({})),
    error: z.looseObject({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'Response' });

const entries = z.array(z.looseObject({}));

/** The body and the answers of each operation's POST. The upstream's answer is passed on byte for byte. */
export const OPERATION_SCHEMAS = {
  'chat.completions': {
    operationId: 'createChatCompletion',
    summary: 'Create a durable chat completion',
    body: ChatCompletionBody,
    answer: z
      .looseObject({ id: z.string(), object: z.literal('chat.completion'), choices: entries })
      .meta({ id: 'ChatCompletion' }),
    accepted: asyncRequest(OPERATIONS['chat.completions'].asyncObject).meta({ id: 'AsyncChatCompletion' }),
  },
  responses: {
    operationId: 'createResponse',
    summary: 'Create a durable Response',
    body: ResponseBody,
    answer: ResponseObject,
    accepted: ResponseObject,
  },
  embeddings: {
    operationId: 'createEmbedding',
    summary: 'Create durable embeddings',
    body: EmbeddingBody,
    answer: z
      .looseObject({ object: z.literal('list'), data: entries, model: z.string() })
      .meta({ id: 'EmbeddingList' }),
    accepted: asyncRequest(OPERATIONS.embeddings.asyncObject).meta({ id: 'AsyncEmbedding' }),
  },
  completions: {
    operationId: 'createCompletion',
    summary: 'Create a durable completion',
    body: CompletionBody,
    answer: z
      .looseObject({ id: z.string(), object: z.literal('text_completion'), choices: entries })
      .meta({ id: 'Completion' }),
    accepted: asyncRequest(OPERATIONS.completions.asyncObject).meta({ id: 'AsyncCompletion' }),
  },
  moderations: {
    operationId: 'createModeration',
    summary: 'Create a durable moderation',
    body: ModerationBody,
    answer: z.looseObject({ id: z.string(), model: z.string(), results: entries }).meta({ id: 'Moderation' }),
    accepted: asyncRequest(OPERATIONS.moderations.asyncObject).meta({ id: 'AsyncModeration' }),
  },
  'images.generations': {
    operationId: 'createImage',
    summary: 'Create durable images',
    body: ImageBody,
    answer: z.looseObject({ created: z.number(), data: entries }).meta({ id: 'ImageList' }),
    accepted: asyncRequest(OPERATIONS['images.generations'].asyncObject).meta({ id: 'AsyncImage' }),
  },
} as const satisfies Record<Operation, object>;

/** The members that the bodies of all operations share. */
export type RequestBody = z.infer<ReturnType<typeof requestBody<{ readonly model: typeof OptionalModel }>>>;
