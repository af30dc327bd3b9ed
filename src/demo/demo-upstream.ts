import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { DEMO_MODELS, type DemoAction } from './models.ts';

export interface DemoUpstream {
  readonly baseURL: string;
  close(): Promise<void>;
}

const DemoCall = z.object({ model: z.string() });

/** Requests whose calls are counted; the oldest are forgotten first. */
const MAX_COUNTED = 1_000;

/**
 * A small OpenAI-compatible server on a loopback port of its own, for `npm start` without an upstream: its
 * answers are made up, and by model name it misbehaves so that retries can be watched.
 */
export async function startDemoUpstream(): Promise<DemoUpstream> {
  const calls = new Map<string, number>();
  const server = createServer((request, response) => {
    void answer(request, response, calls).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    baseURL: `http://127.0.0.1:${port}/v1`,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, calls: Map<string, number>): Promise<void> {
  if (request.method === 'GET' && request.url === '/v1/models') {
    const data = DEMO_MODELS.map(({ model, what }) => ({ id: model, object: 'model', description: what }));
    return send(response, 200, { object: 'list', data });
  }
  if (request.method !== 'POST' || request.url !== '/v1/chat/completions') {
    return send(response, 404, { error: { message: 'not found', type: 'invalid_request_error', code: 'not_found' } });
  }
  const { model } = DemoCall.parse(JSON.parse(await text(request)));
  const known = DEMO_MODELS.find((one) => one.model === model);
  const action = known?.act(countCall(calls, request)) ?? { kind: 'complete' };
  await act(action, model, response);
}

/** Calls for the same request share their X-Client-Request-Id up to its last slash. */
function countCall(calls: Map<string, number>, request: IncomingMessage): number {
  const id = String(request.headers['x-client-request-id'] ?? '').replace(/\/\d+$/, '');
  const count = (calls.get(id) ?? 0) + 1;
  calls.set(id, count);
  const oldest = calls.keys().next().value;
  if (calls.size > MAX_COUNTED && oldest !== undefined) calls.delete(oldest);
  return count;
}

async function act(action: DemoAction, model: string, response: ServerResponse): Promise<void> {
  switch (action.kind) {
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'refuse': {
      const { status, code, retryAfterSeconds } = action;
      if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds));
      return send(response, status, { error: { message: 'The demo refuses.', type: code, param: null, code } });
    }
    case 'complete': {
      const timer = setTimeout(() => send(response, 200, completion(model)), action.afterMs ?? 50);
      response.once('close', () => clearTimeout(timer));
    }
  }
}

function completion(model: string): object {
  const message = { role: 'assistant', content: 'Hello from the demo upstream.', refusal: null };
  return {
    id: `chatcmpl-demo-${Date.now().toString(36)}`,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 9, completion_tokens: 6, total_tokens: 15 },
  };
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
