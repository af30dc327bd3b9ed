import { type Operation, OPERATION_NAMES, OPERATIONS } from '../domain/operations.ts';
import { isStreamed } from '../domain/streams/stream-event.ts';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { DEMO_MODELS, demoAction, type DemoAction } from './models.ts';
import { type AnswerStream, sendAnswerStream } from './stream-answer.ts';

export interface DemoUpstream {
  readonly baseURL: string;
  close(): Promise<void>;
}

const DemoCall = z.object({
  model: z
    .string()
    .nullish()
    .transform((model) => model ?? DEFAULT_MODEL),
  n: z.number().int().min(1).max(10).nullish(),
  input: z.union([z.string(), z.array(z.unknown())]).optional(),
  encoding_format: z.string().optional(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
});
type DemoCall = z.infer<typeof DemoCall>;

/** Answers the calls that name no model. */
const DEFAULT_MODEL = 'demo';

/** An answer as JSON. */
type Answer = Readonly<Record<string, unknown>>;

/** Builds the answer of each operation. */
const ANSWERS: Readonly<Record<Operation, (call: DemoCall) => Answer>> = {
  'chat.completions': chatCompletion,
  responses: response,
  embeddings,
  completions: completion,
  moderations: moderation,
  'images.generations': images,
};

/** The largest body that ReqRun can be configured for. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * Starts a small OpenAI-compatible server on loopback, for `npm start` without an upstream. Its answers are
 * invented. Some model names make it fail, so that retries can be watched.
 *
 * @param options.port 0, the default, selects any free port
 * @throws the error of the listener, such as EADDRINUSE
 */
export async function startDemoUpstream({
  port = 0,
}: { readonly port?: number } = {}): Promise<DemoUpstream> {
  const calls = createCallCounter();
  const server = createServer((request, response) => {
    void answer(request, response, calls).catch(() => response.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const listening = typeof address === 'object' && address !== null ? address.port : port;
  return {
    baseURL: `http://127.0.0.1:${listening}/v1`,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, calls: CallCounter): Promise<void> {
  if (request.method === 'GET') return answerModels(request.url ?? '', response);
  const operation = OPERATION_NAMES.find((name) => OPERATIONS[name].path === request.url);
  if (request.method !== 'POST' || operation === undefined) {
    return send(response, 404, refusal('not_found'));
  }
  const call = await readCall(request);
  if (call === null) return send(response, 400, refusal('invalid_request'));
  await act(demoAction(call.model, calls.count(callKey(request))), operation, call, response);
}

const MODELS_PATH = '/v1/models';

/** Lists the models, or describes the one that the path names. Every model name works. */
function answerModels(path: string, response: ServerResponse): void {
  const toModel = (id: string, description: string): object => ({
    id,
    object: 'model',
    created: 0,
    owned_by: 'demo',
    description,
  });
  if (path === MODELS_PATH) {
    const data = DEMO_MODELS.map(({ model, what }) => toModel(model, what));
    return send(response, 200, { object: 'list', data });
  }
  const id = path.startsWith(`${MODELS_PATH}/`) ? decodeURIComponent(path.slice(MODELS_PATH.length + 1)) : '';
  if (id === '') return send(response, 404, refusal('not_found'));
  const what = DEMO_MODELS.find(({ model }) => model === id)?.what ?? 'answers at once';
  send(response, 200, toModel(id, what));
}

/** Reads the body of a call. Null when it is not valid, too large, or sent without a Content-Length. */
async function readCall(request: IncomingMessage): Promise<DemoCall | null> {
  if (Number(request.headers['content-length'] ?? Infinity) > MAX_BODY_BYTES) return null;
  try {
    return DemoCall.parse(JSON.parse(await text(request)));
  } catch {
    return null;
  }
}

/**
 * The key of the request that a call belongs to: its X-Client-Request-Id up to the last slash. Null without
 * that header.
 */
function callKey(request: IncomingMessage): string | null {
  const id = request.headers['x-client-request-id'];
  return typeof id === 'string' ? id.replace(/\/\d+$/, '') : null;
}

/** The time to an answer, or to its first event. */
const ANSWER_MS = 50;

async function act(
  action: DemoAction,
  operation: Operation,
  call: DemoCall,
  response: ServerResponse,
): Promise<void> {
  switch (action.kind) {
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'refuse': {
      const { status, code, retryAfterSeconds } = action;
      if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds));
      return send(response, status, refusal(code));
    }
    case 'break':
      return complete(operation, call, response, { afterMs: ANSWER_MS, breakAfterWords: action.afterWords });
    case 'complete': {
      const { afterMs = ANSWER_MS, wordMs } = action;
      return complete(operation, call, response, { afterMs, breakAfterWords: null, wordMs });
    }
  }
}

async function complete(
  operation: Operation,
  call: DemoCall,
  response: ServerResponse,
  { afterMs, ...pace }: { readonly afterMs: number } & Pick<AnswerStream, 'breakAfterWords' | 'wordMs'>,
): Promise<void> {
  const left = new AbortController();
  response.once('close', () => left.abort());
  await sleep(afterMs, undefined, { signal: left.signal }).catch(() => undefined);
  if (response.destroyed) return;
  const answer = ANSWERS[operation](call);
  if (call.stream !== true || !isStreamed(operation)) return send(response, 200, answer);
  const usage = call.stream_options?.include_usage === true;
  await sendAnswerStream(response, { operation, answer, usage, ...pace });
}

function refusal(code: string): object {
  return { error: { message: 'The demo upstream refuses.', type: code, param: null, code } };
}

const GREETING = 'Hello from the demo upstream.';

function chatCompletion({ model }: DemoCall): Answer {
  const message = { role: 'assistant', content: GREETING, refusal: null };
  return {
    id: `chatcmpl-demo-${randomUUID()}`,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 9, completion_tokens: 6, total_tokens: 15 },
  };
}

function response({ model }: DemoCall): Answer {
  const text = { type: 'output_text', text: GREETING, annotations: [] };
  return {
    id: `resp_demo${randomUUID().replaceAll('-', '')}`,
    object: 'response',
    created_at: Math.floor(Date.now() / 1000),
    status: 'completed',
    background: false,
    error: null,
    incomplete_details: null,
    model,
    output: [
      {
        id: `msg_demo${randomUUID().replaceAll('-', '')}`,
        type: 'message',
        status: 'completed',
        role: 'assistant',
        content: [text],
      },
    ],
    usage: {
      input_tokens: 9,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 6,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 15,
    },
  };
}

function completion({ model }: DemoCall): Answer {
  return {
    id: `cmpl-demo-${randomUUID()}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model,
    choices: [{ index: 0, text: GREETING, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 9, completion_tokens: 6, total_tokens: 15 },
  };
}

/** Flags nothing. A list of texts gets one result for each, as at OpenAI. */
function moderation({ model, input = '' }: DemoCall): Answer {
  const isTexts = Array.isArray(input) && input.every((entry) => typeof entry === 'string');
  const results = (isTexts ? input : ['']).map(() => ({
    flagged: false,
    categories: { violence: false },
    category_scores: { violence: 0 },
  }));
  return { id: `modr-demo-${randomUUID()}`, model, results };
}

/** A transparent PNG of one pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR42mNgAAIAAAUAAen63NgAAAAASUVORK5CYII=';

function images({ n }: DemoCall): Answer {
  const data = Array.from({ length: n ?? 1 }, () => ({ b64_json: PIXEL }));
  const usage = { input_tokens: 4, output_tokens: 1, total_tokens: 5 };
  return { created: Math.floor(Date.now() / 1000), data, usage };
}

/** Returns one small vector for each input. The official client asks for base64. */
function embeddings({ model, input = '', encoding_format }: DemoCall): Answer {
  const vector = Float32Array.from([0.25, -0.5, 0.75]);
  const embedding =
    encoding_format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector];
  const data = [input].flat().map((_, index) => ({ object: 'embedding', index, embedding }));
  return { object: 'list', data, model, usage: { prompt_tokens: 4, total_tokens: 4 } };
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Counts the calls of each request. */
export interface CallCounter {
  /** Counts a call, and returns how many calls had this key so far. Always 1 without a key. */
  count(key: string | null): number;
}

/** Creates a counter with bounded memory: it forgets the key that was least recently used. */
export function createCallCounter(maxKeys = 1_000): CallCounter {
  const calls = new Map<string, number>();
  return {
    count(key) {
      if (key === null) return 1;
      const count = (calls.get(key) ?? 0) + 1;
      calls.delete(key);
      calls.set(key, count);
      const oldest = calls.keys().next().value;
      if (calls.size > maxKeys && oldest !== undefined) calls.delete(oldest);
      return count;
    },
  };
}
