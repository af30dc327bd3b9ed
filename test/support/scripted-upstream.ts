import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { playStream, type StreamPart } from './stream-steps.ts';
import { until } from './until.ts';

/** What the upstream does with one call. */
export type Step =
  | {
      readonly answer: number;
      readonly headers?: Record<string, string>;
      readonly body?: unknown;
      readonly afterMs?: number;
      /** Told of each call as it arrives. */
      readonly onCall?: () => void;
      /** Held until then, for tests that look at what happens meanwhile. */
      readonly after?: Promise<unknown>;
    }
  /** Bytes written to the bare socket, which is then closed. */
  | { readonly raw: string | Buffer }
  | { readonly reset: 'before the answer' | 'in the body' }
  | { readonly stall: 'headers' | 'body' }
  /** A completion that never gets there: one byte of white space every so often. */
  | { readonly trickleEveryMs: number }
  | { readonly gzipBombBytes: number }
  /** Server-sent events. */
  | { readonly stream: readonly StreamPart[] }
  /** As the call asks for it. */
  | { readonly whole: Step; readonly streamed: readonly StreamPart[] };

export interface UpstreamHit {
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
  readonly atMs: number;
}

/** A real HTTP server whose answers are scripted by the call's model; the oracle of what really ran. */
export interface ScriptedUpstream {
  readonly baseURL: string;
  /** The last step repeats. */
  script(model: string, ...steps: Step[]): void;
  hits(model: string): readonly UpstreamHit[];
  /** How many calls there were, of all models and of none. */
  calls(): number;
  untilHits(model: string, count: number): Promise<void>;
  /** The most calls, of all models, that were ever unanswered at the same time. */
  mostAtOnce(): number;
  /** Until so many calls were broken off by their caller. */
  untilAborted(model: string, count: number): Promise<void>;
  close(): Promise<void>;
}

/** A call that names no model has this one. */
export const NO_MODEL = 'no model';
const Call = z.object({
  stream: z.boolean().nullish(),
  model: z
    .string()
    .nullish()
    .transform((model) => model ?? NO_MODEL),
});

export async function startScriptedUpstream(): Promise<ScriptedUpstream> {
  const scripts = new Map<string, Step[]>();
  const seen = new Map<string, UpstreamHit[]>();
  let [calls, open, mostOpen] = [0, 0, 0];
  const aborted = new Map<string, number>();
  const hits = (model: string): UpstreamHit[] => seen.get(model) ?? [];

  const server = createServer((request, response) => {
    calls += 1;
    mostOpen = Math.max(mostOpen, (open += 1));
    response.once('close', () => (open -= 1));
    void serve(request, response).catch(() => response.destroy());
  });
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    // A call without a body, such as a GET, is scripted by its path.
    const { model, stream } =
      body === '' ? { model: request.url ?? '', stream: null } : Call.parse(JSON.parse(body));
    const before = hits(model);
    seen.set(model, [
      ...before,
      { path: request.url ?? '', body, headers: request.headers, atMs: Date.now() },
    ]);
    response.once('close', () => {
      if (!response.writableFinished) aborted.set(model, (aborted.get(model) ?? 0) + 1);
    });
    const steps = scripts.get(model) ?? [ok()];
    const step = steps[Math.min(before.length, steps.length - 1)] ?? ok();
    if ('onCall' in step) step.onCall?.();
    const asked = 'whole' in step ? (stream === true ? { stream: step.streamed } : step.whole) : step;
    play(asked, response);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    baseURL: `http://127.0.0.1:${address.port}/v1`,
    script: (model, ...steps) => void scripts.set(model, steps),
    hits,
    calls: () => calls,
    mostAtOnce: () => mostOpen,
    untilHits: async (model, count) =>
      void (await until(
        () => hits(model).length,
        (seen) => seen >= count,
      )),
    untilAborted: async (model, count) =>
      void (await until(
        () => aborted.get(model) ?? 0,
        (seen) => seen >= count,
      )),
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A Response of OpenAI's, as its upstream sends it. */
export function responseOf(fields: Record<string, unknown> = {}): Record<string, unknown> {
  const text = { type: 'output_text', text: 'fine', annotations: [] };
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status: 'completed',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model: 'scripted',
    output: [{ id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content: [text] }],
    parallel_tool_calls: true,
    previous_response_id: null,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    usage: {
      input_tokens: 9,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 6,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 15,
    },
    ...fields,
  };
}

/** A 503 in a provider's own documented words, which prove that nothing was begun. */
export function overloaded(headers: Record<string, string> = {}): Step {
  return { answer: 503, headers, body: { error: { message: 'The engine is currently overloaded.' } } };
}

/** A normal completion; its content can be told. */
export function ok(content = 'fine', afterMs = 0): Step {
  return { answer: 200, body: completion({ content }), afterMs };
}

export function completion({
  content = 'fine',
  finish = 'stop',
}: { content?: string; finish?: string | null } = {}): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'scripted',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: finish }],
  };
}

/** Made of equal gzip members: compressing it all takes half a second, in which nobody else gets a turn. */
function gzipBomb(bytes: number): Buffer {
  const member = gzipSync(Buffer.alloc(1_000_000, 32));
  return Buffer.concat(Array<Buffer>(bytes / 1_000_000).fill(member));
}

function play(step: Step, response: ServerResponse): void {
  const { socket } = response;
  if ('raw' in step) return void socket?.end(step.raw);
  if ('reset' in step) {
    if (step.reset === 'before the answer') return void socket?.resetAndDestroy();
    response.writeHead(200, { 'content-type': 'application/json' });
    return void response.write('{"id":"chatcmpl-1",', () => setTimeout(() => socket?.resetAndDestroy(), 30));
  }
  if ('stall' in step) {
    if (step.stall === 'headers') return;
    response.writeHead(200, { 'content-type': 'application/json' });
    return void response.write('{"id":');
  }
  if ('trickleEveryMs' in step) {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), step.trickleEveryMs);
    return void response.once('close', () => clearInterval(timer));
  }
  if ('gzipBombBytes' in step) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    return void response.end(gzipBomb(step.gzipBombBytes));
  }
  if ('whole' in step) return play(step.whole, response);
  if ('stream' in step) return void playStream(response, step.stream);
  const send = (): void => {
    response.writeHead(step.answer, { 'content-type': 'application/json', ...step.headers });
    response.end(
      typeof step.body === 'string' ? step.body : step.body === undefined ? '' : JSON.stringify(step.body),
    );
  };
  if (step.after !== undefined) void step.after.then(send);
  else if (step.afterMs === undefined || step.afterMs === 0) send();
  else setTimeout(send, step.afterMs);
}
