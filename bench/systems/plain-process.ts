/** Process entry of the benchmark: Fastify and the openai SDK, as used without durability. */
import Fastify from 'fastify';
import OpenAI from 'openai';
import { z } from 'zod';
import { sayReady } from './child.ts';

const { port, upstreamURL } = z
  .object({ port: z.number(), upstreamURL: z.string() })
  .parse(JSON.parse(process.argv[2] ?? ''));
const openai = new OpenAI({ baseURL: upstreamURL, apiKey: 'none' });
const app = Fastify();
app.post<{ Body: OpenAI.Chat.ChatCompletionCreateParamsNonStreaming }>('/v1/chat/completions', ({ body }) =>
  openai.chat.completions.create(body),
);
await app.listen({ host: '127.0.0.1', port });
sayReady();
