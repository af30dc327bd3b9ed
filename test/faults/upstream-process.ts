/**
 * Process entry of a test: an OpenAI-compatible upstream that does what a call's model says and journals
 * each call before it answers. Told to, it kills processes at a point of a call that nobody else can see.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { openJournal, type UpstreamEvent } from './journal.ts';
import { parseScript, runs, type UpstreamStep } from './script.ts';
import { KillOrder } from './upstream-orders.ts';

const Body = z.object({ model: z.string() });
const CALL_ID = /^(.+)\/(\d+)$/;
/** Of a Response that is in progress; also the path that cancels it. */
const LATER_PATH = /^\/v1\/responses\/later_(\d+)_(\d+)/;
/** How much of a cut answer is sent, and when the connection breaks. */
const CUT_MS = 20;

const journal = openJournal(process.argv[2] ?? '');
const callsOf = new Map<string, number>();
let seq = 0;
let order: KillOrder | null = null;

process.on('message', (message) => {
  order = KillOrder.parse(message);
});
process.on('disconnect', () => process.exit());

const server = createServer((request, response) => {
  void serve(request, response).catch(() => response.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  process.send?.({ port: address.port });
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const later = LATER_PATH.exec(request.url ?? '');
  if (later !== null) return readLater(Number(later[1]), Number(later[2]), response);
  const { model } = Body.parse(JSON.parse(await text(request)));
  const [, id = '', attempt = '0'] = CALL_ID.exec(String(request.headers['x-client-request-id'])) ?? [];
  const nth = (callsOf.get(id) ?? 0) + 1;
  callsOf.set(id, nth);
  const script = parseScript(model);
  const step = script[Math.min(nth, script.length) - 1] ?? { does: 'stall' };
  const caller = String(request.headers.authorization).replace('Bearer ', '');
  const call = { seq: ++seq, id, attempt: Number(attempt), model, caller, ran: runs(step) };
  note({ event: 'received', ...call, atMs: Date.now() });
  response.once('finish', () => note({ event: 'answered', ...call, atMs: Date.now() }));
  response.once('close', () => {
    if (!response.writableFinished) note({ event: 'left', ...call, atMs: Date.now() });
  });
  play(step, call.seq, response, request.url === '/v1/responses' ? finishedResponse : completion);
}

/** The answer of a call that succeeds, by its number. */
type AnswerOf = (number: number) => object;

function note(event: UpstreamEvent): void {
  const due = order !== null && order.at === event.event && (order.caller ?? event.caller) === event.caller;
  if (due && event.ran && order !== null) {
    for (const { pid, signal } of order.kill) killIfAlive(pid, signal);
    order = null;
    process.send?.({ killedAt: event });
  }
  journal.append(event);
}

function killIfAlive(pid: number, signal: string): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}

function play(step: UpstreamStep, number: number, response: ServerResponse, answerOf: AnswerOf): void {
  switch (step.does) {
    case 'stall':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'cut':
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"id":"chatcmpl-', () => setTimeout(() => response.socket?.resetAndDestroy(), CUT_MS));
      return;
    case 'later':
      return answerWith(response, 200, inProgress(number, Date.now() + step.afterMs));
    case 'answer':
      setTimeout(() => answer(step.status, number, response, answerOf), step.afterMs);
  }
}

function answer(status: number, number: number, response: ServerResponse, answerOf: AnswerOf): void {
  const error = { message: 'scripted', type: 'scripted', code: null };
  answerWith(response, status, status === 200 ? answerOf(number) : { error });
}

function answerWith(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'retry-after-ms': '50' });
  response.end(JSON.stringify(body));
}

/** A Response that is in progress; its id says until when. */
function inProgress(number: number, untilMs: number): object {
  return { ...finishedResponse(number), id: `later_${number}_${untilMs}`, status: 'in_progress', output: [] };
}

function readLater(number: number, untilMs: number, response: ServerResponse): void {
  const isDone = Date.now() >= untilMs;
  answerWith(response, 200, isDone ? finishedResponse(number) : inProgress(number, untilMs));
}

function finishedResponse(number: number): object {
  const content = [{ type: 'output_text', text: `call ${number}`, annotations: [] }];
  return {
    id: `resp_${number}`,
    object: 'response',
    created_at: 1,
    status: 'completed',
    error: null,
    model: 'scripted',
    output: [{ id: `msg_${number}`, type: 'message', status: 'completed', role: 'assistant', content }],
    usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
  };
}

/** Its content tells which call made it: two results of one request differ. */
function completion(number: number): object {
  return {
    id: `chatcmpl-${number}`,
    object: 'chat.completion',
    created: 1,
    model: 'scripted',
    choices: [{ index: 0, message: { role: 'assistant', content: `call ${number}` }, finish_reason: 'stop' }],
  };
}
