/**
 * Process entry of the benchmark: an OpenAI-compatible upstream. It answers after the delay in the model's
 * name (`ok-50`) and counts calls. It journals nothing, so that it is never the bottleneck.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { parseScript } from '../../test/faults/script.ts';
import { parseStreamModel, playBenchStream } from './bench-stream.ts';
import { type UpstreamCount, UpstreamQuestion } from './upstream-words.ts';

const Body = z.object({ model: z.string(), stream: z.boolean().optional() });
const counts = new Map<string, UpstreamCount>();
const NONE: UpstreamCount = { calls: 0, open: 0, mostOpen: 0, lastAtMs: 0 };

const server = createServer((request, response) => {
  void serve(request, response).catch(() => response.destroy());
});
// Connections must stay open during the pauses between rounds.
server.keepAliveTimeout = 600_000;
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  process.send?.({ port: address.port });
});
process.on('message', (message) => {
  const { ask, model } = UpstreamQuestion.parse(message);
  process.send?.({ answer: ask, count: counts.get(model) ?? NONE });
});
process.on('disconnect', () => process.exit());

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { model, stream } = Body.parse(JSON.parse(await text(request)));
  const [step] = parseScript(model);
  const { calls, open, mostOpen } = counts.get(model) ?? NONE;
  const count = {
    calls: calls + 1,
    open: open + 1,
    mostOpen: Math.max(mostOpen, open + 1),
    lastAtMs: Date.now(),
  };
  counts.set(model, count);
  response.once('close', () => {
    const now = counts.get(model) ?? NONE;
    counts.set(model, { ...now, open: now.open - 1 });
  });
  const script = stream === true ? parseStreamModel(model) : null;
  if (script !== null) return playBenchStream(response, model, script);
  if (step?.does !== 'answer') return;
  const answer =
    request.url === '/v1/responses' ? finishedResponse(model, count.calls) : completion(model, count.calls);
  setTimeout(() => {
    response.writeHead(step.status, { 'content-type': 'application/json' });
    response.end(answer);
  }, step.afterMs);
}

/** A Response of about the size of {@link completion}. */
function finishedResponse(model: string, call: number): string {
  return JSON.stringify({
    id: `resp_${call}`,
    object: 'response',
    created_at: 1_795_000_000,
    status: 'completed',
    background: false,
    error: null,
    model,
    output: [
      {
        id: `msg_${call}`,
        type: 'message',
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'billing', annotations: [] }],
      },
    ],
    previous_response_id: null,
    usage: {
      input_tokens: 190,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 2,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 192,
    },
  });
}

/** An answer of about 500 bytes. Its id shows which call it answers. */
function completion(model: string, call: number): string {
  return JSON.stringify({
    id: `chatcmpl-${call}`,
    object: 'chat.completion',
    created: 1_795_000_000,
    model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'billing', refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: {
      prompt_tokens: 190,
      completion_tokens: 2,
      total_tokens: 192,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    },
    service_tier: 'default',
  });
}
