import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { responseOf } from './scripted-upstream.ts';

/**
 * What a scripted stream does next: writes a text as it is, waits until a promise is settled or for some time, breaks
 * the connection, or says nothing more. A stream whose parts are over ends.
 */
export type StreamPart =
  string | { readonly until: Promise<unknown> } | { readonly ms: number } | 'reset' | 'stall';

/** Plays the parts of a stream. */
export async function playStream(
  response: ServerResponse,
  parts: readonly StreamPart[],
  contentType = 'text/event-stream',
): Promise<void> {
  response.writeHead(200, { 'content-type': contentType, 'x-request-id': 'req_stream' });
  response.flushHeaders();
  for (const part of parts) {
    if (response.destroyed) return;
    if (part === 'stall') return;
    if (part === 'reset') return void setTimeout(() => response.socket?.resetAndDestroy(), 30);
    if (typeof part === 'string') response.write(part);
    else if ('ms' in part) await sleep(part.ms);
    else await part.until;
  }
  response.end();
}

/** A chunk of a chat completion, as an event. */
export function chunk(delta: object, more: object = {}, fields: object = {}): string {
  const choice = { index: 0, delta, finish_reason: null, ...more };
  return event({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'scripted',
    choices: [choice],
    ...fields,
  });
}

export const DONE = 'data: [DONE]\n\n';

/** The chunks of a text, and the end. */
export function chatStream(...texts: readonly string[]): StreamPart[] {
  return [...opening(...texts), ...ending()];
}

/** The chunks of a text, without an end. */
export function opening(...texts: readonly string[]): StreamPart[] {
  return [chunk({ role: 'assistant', content: '' }), ...texts.map((content) => chunk({ content }))];
}

export function ending(): StreamPart[] {
  const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };
  return [chunk({}, { finish_reason: 'stop' }), chunk({}, {}, { choices: [], usage }), DONE];
}

export function event(data: object, name?: string): string {
  return `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/** Puts a part between all others. */
function spaced(parts: readonly StreamPart[], between: StreamPart): StreamPart[] {
  return parts.flatMap((part) => [part, between]);
}

/** The chunks of a text, with a part after each of them, and the end. */
export function chatStreamOf(texts: readonly string[], between: StreamPart): StreamPart[] {
  return [...spaced(opening(...texts), between), ...ending()];
}

/** The events of a Response with one text, with a part after each of them. */
export function responseStreamOf(texts: readonly string[], between: StreamPart): StreamPart[] {
  return [...spaced(responseOpening(...texts), between), ...responseEnding(texts.join(''))];
}

/** The events of a Response with one text. */
export function responseStream(...texts: readonly string[]): StreamPart[] {
  return [...responseOpening(...texts), ...responseEnding(texts.join(''))];
}

/** The events of a Response up to its deltas. */
export function responseOpening(...texts: readonly string[]): StreamPart[] {
  const at = { item_id: 'msg_1', output_index: 0, content_index: 0 };
  const item = { id: 'msg_1', type: 'message', status: 'in_progress', role: 'assistant', content: [] };
  return numbered(0, [
    { type: 'response.created', response: responseOf({ status: 'in_progress', output: [], usage: null }) },
    {
      type: 'response.in_progress',
      response: responseOf({ status: 'in_progress', output: [], usage: null }),
    },
    { type: 'response.output_item.added', output_index: 0, item },
    { type: 'response.content_part.added', ...at, part: part('') },
    ...texts.map((delta) => ({ type: 'response.output_text.delta', ...at, delta, logprobs: [] })),
  ]);
}

export function responseEnding(text: string): StreamPart[] {
  const at = { item_id: 'msg_1', output_index: 0, content_index: 0 };
  const item = {
    id: 'msg_1',
    type: 'message',
    status: 'completed',
    role: 'assistant',
    content: [part(text)],
  };
  return numbered(100, [
    { type: 'response.output_text.done', ...at, text, logprobs: [] },
    { type: 'response.content_part.done', ...at, part: part(text) },
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: responseOf({ output: [item] }) },
  ]);
}

const part = (text: string): object => ({ type: 'output_text', text, annotations: [] });

/** An event of a Response without its number. */
export interface StreamedEvent {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** The events as text, numbered from a number on. */
export function numbered(from: number, events: readonly StreamedEvent[]): string[] {
  return events.map((one, index) => event({ ...one, sequence_number: from + index }, one.type));
}
