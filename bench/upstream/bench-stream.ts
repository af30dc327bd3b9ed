import type { ServerResponse } from 'node:http';
import { z } from 'zod';

/** How a model's stream goes, as its name says: `stream-50-40-25` = first event after 50 ms, 40 events, 25 ms apart. */
export interface StreamScript {
  readonly firstMs: number;
  readonly events: number;
  readonly gapMs: number;
}

const NAME = /^stream-(\d+)-(\d+)-(\d+)/;

export function streamModel({ firstMs, events, gapMs }: StreamScript, mark: string): string {
  return `stream-${firstMs}-${events}-${gapMs}-${mark}`;
}

/** Null = the model does not stream. */
export function parseStreamModel(model: string): StreamScript | null {
  const [, firstMs, events, gapMs] = NAME.exec(model) ?? [];
  if (firstMs === undefined) return null;
  return { firstMs: Number(firstMs), events: Number(events), gapMs: Number(gapMs) };
}

const Chunk = z.object({
  choices: z.array(z.object({ delta: z.object({ content: z.string().nullish() }) })),
});

/** The time at which the upstream sent a chunk, ms since 1970 with fractions. Null = it has none. */
export function sentAtMs(data: string): number | null {
  if (data === '[DONE]') return null;
  const content = Chunk.parse(JSON.parse(data)).choices[0]?.delta.content;
  return content ? Number(content) : null;
}

/** This machine's clock, ms since 1970 with fractions. The same in all processes. */
export function preciseNowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Streams chunks of which each has the time at which it was sent as its text. */
export function playBenchStream(
  response: ServerResponse,
  model: string,
  { firstMs, events, gapMs }: StreamScript,
): void {
  const send = (choices: readonly object[], more: object = {}): void => {
    const chunk = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model, choices, ...more };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  let left = events;
  const next = (): void => {
    if (response.destroyed) return;
    if (left > 0) {
      left -= 1;
      send([{ index: 0, delta: { content: `${preciseNowMs().toFixed(3)} ` }, finish_reason: null }]);
      setTimeout(next, gapMs);
      return;
    }
    send([{ index: 0, delta: {}, finish_reason: 'stop' }]);
    send([], { usage: { prompt_tokens: 190, completion_tokens: events, total_tokens: 190 + events } });
    response.end('data: [DONE]\n\n');
  };
  setTimeout(() => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    next();
  }, firstMs);
}
