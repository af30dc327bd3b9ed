// The Vercel AI SDK, unmodified, with its two providers for responses. Its own retries are off, as for any durable call.
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenResponses } from '@ai-sdk/open-responses';
import { generateText, jsonSchema, stepCountIs, tool } from 'ai';

const baseURL = process.env.BASE_URL;
const say = (what, ...seen) => console.log(`${what}: ${seen.map((one) => JSON.stringify(one)).join(' ')}`);
const add = tool({
  inputSchema: jsonSchema({ type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } }),
  execute: async ({ a, b }) => String(a + b),
});

const openai = createOpenAI({ baseURL, apiKey: 'unused' });
const first = await generateText({
  model: openai.responses('gpt-test'),
  prompt: 'Say hello.',
  maxRetries: 0,
});
say('openai.responses', first.text, first.finishReason, first.usage.totalTokens);
const { responseId } = first.providerMetadata.openai;
const second = await generateText({
  model: openai.responses('gpt-test'),
  prompt: 'And again.',
  maxRetries: 0,
  providerOptions: { openai: { previousResponseId: responseId } },
});
say('previousResponseId', second.text, responseId.startsWith('rr_'));
const counted = await generateText({
  model: openai.responses('gpt-test'),
  prompt: 'What is 2 + 2?',
  maxRetries: 0,
  tools: { add },
  stopWhen: stepCountIs(3),
});
say('tools', counted.steps.length, counted.text);

const open = createOpenResponses({ name: 'reqrun', url: `${baseURL}/responses`, apiKey: 'unused' });
const third = await generateText({ model: open('gpt-test'), prompt: 'Say hello.', maxRetries: 0 });
say('open-responses', third.text, third.finishReason, third.usage.totalTokens);
const summed = await generateText({
  model: open('gpt-test'),
  prompt: 'What is 2 + 2?',
  maxRetries: 0,
  tools: { add },
  stopWhen: stepCountIs(3),
});
say('open-responses tools', summed.steps.length, summed.text);
