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
app.post<{ Body: OpenAI.Chat.ChatCompletionCreateParams }>(
  '/v1/chat/completions',
  async ({ body }, reply) => {
    if (body.stream !== true) return openai.chat.completions.create(body);
    const stream = await openai.chat.completions.create(body);
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
    for await (const chunk of stream) reply.raw.write(`data: ${JSON.stringify(chunk)}\n\n`);
    reply.raw.end('data: [DONE]\n\n');
    return reply;
  },
);
await app.listen({ host: '127.0.0.1', port });
sayReady();
