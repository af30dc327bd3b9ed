// The Vercel AI SDK, unmodified: streamText with its chat and its responses provider, and a tool that it runs itself.
import { createOpenAI } from '@ai-sdk/openai';
import { jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { playAll } from './situations.mjs';

const inputSchema = jsonSchema({
  type: 'object',
  properties: { a: { type: 'number' }, b: { type: 'number' } },
});

/** Each run of the tool is shown, with its result. */
async function read(model, key, seen) {
  const add = tool({
    inputSchema,
    execute: async ({ a, b }) => {
      seen.tools.push(['add', a + b]);
      return String(a + b);
    },
  });
  const { fullStream } = streamText({
    model,
    prompt: 'hi',
    tools: { add },
    stopWhen: stepCountIs(1),
    maxRetries: 0,
    headers: { 'Idempotency-Key': key },
    onError: () => undefined,
  });
  for await (const part of fullStream) {
    if (part.type === 'text-delta') await seen.add(part.text);
    if (part.type === 'reasoning-delta') seen.reasoning += part.text;
    if (part.type === 'finish') seen.end = part.finishReason;
    if (part.type === 'error') seen.error ??= describe(part.error);
  }
}

function describe(error) {
  const { constructor, name, statusCode = null, code = null, data } = Object(error);
  return [name ?? constructor.name, statusCode, code ?? data?.error?.code ?? error?.error?.code ?? null];
}

await playAll(
  {
    'chat streamText': ({ baseURL, key }, seen) =>
      read(createOpenAI({ baseURL, apiKey: 'unused' }).chat(key), key, seen),
    'responses streamText': ({ baseURL, key }, seen) =>
      read(createOpenAI({ baseURL, apiKey: 'unused' }).responses(key), key, seen),
  },
  describe,
);
