import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { responseOf } from './scripted-upstream.ts';

/** An upstream with `/v1/responses` that knows no background; it behaves by the body, as a model would. */
export interface ResponsesUpstream {
  readonly baseURL: string;
  /** The bodies of its POSTs, in their order. */
  readonly bodies: readonly Readonly<Record<string, unknown>>[];
  close(): Promise<void>;
}

const Body = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(z.looseObject({ type: z.string().optional() }))]),
  previous_response_id: z.string().nullish(),
  tools: z.array(z.looseObject({})).nullish(),
  text: z.looseObject({ format: z.looseObject({ type: z.string() }).optional() }).nullish(),
  reasoning: z.looseObject({}).nullish(),
});
type Body = z.infer<typeof Body>;

const MODELS = ['gpt-test', 'slow', 'fails', 'stalls'].map((id) => ({
  id,
  object: 'model',
  created: 1,
  owned_by: 'test',
}));
const SLOW_MS = 700;

export async function startResponsesUpstream(): Promise<ResponsesUpstream> {
  const bodies: Body[] = [];
  const ids = new Set<string>();
  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/v1/models') return send(response, 200, { object: 'list', data: MODELS });
    const model = MODELS.find(({ id }) => request.url === `/v1/models/${id}`);
    if (model !== undefined) return send(response, 200, model);
    if (request.method !== 'POST' || request.url !== '/v1/responses') return send(response, 404, {});
    const body = Body.parse(JSON.parse(await text(request)));
    bodies.push(body);
    const { previous_response_id: previous } = body;
    if (body.model === 'stalls') return;
    if (body.model === 'fails')
      return send(response, 400, { error: { message: 'no', code: 'context_length_exceeded' } });
    if (typeof previous === 'string' && !ids.has(previous)) {
      return send(response, 400, { error: { message: 'no', code: 'previous_response_not_found' } });
    }
    if (body.model === 'slow') await sleep(SLOW_MS);
    const id = `resp_${randomUUID().replaceAll('-', '')}`;
    ids.add(id);
    const { input: _own, ...echoed } = body;
    send(response, 200, responseOf({ ...echoed, id, output: outputOf(body) }));
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    baseURL: `http://127.0.0.1:${address.port}/v1`,
    bodies,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function outputOf({ input, previous_response_id: previous, tools, text: asked, reasoning }: Body): object[] {
  const items = typeof input === 'string' ? [] : input;
  const has = (type: string): boolean => items.some((item) => item.type === type);
  if (tools && !has('function_call_output')) {
    const call = {
      id: 'fc_1',
      call_id: 'call_1',
      name: 'add',
      arguments: '{"a":2,"b":2}',
      status: 'completed',
    };
    return [{ type: 'function_call', ...call }];
  }
  if (asked?.format?.type === 'json_schema') return [message('{"answer":4}')];
  if (reasoning)
    return [{ id: 'rs_1', type: 'reasoning', summary: [], encrypted_content: 'opaque' }, message('Thought.')];
  if (has('function_call_output')) return [message('It is 4.')];
  if (has('reasoning')) return [message('Went on.')];
  return [message(previous ? 'Hello again.' : 'Hello.')];
}

function message(words: string): object {
  const content = [{ type: 'output_text', text: words, annotations: [], logprobs: [] }];
  return { id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content };
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
