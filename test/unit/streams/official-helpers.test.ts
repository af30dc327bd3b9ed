/** The stream helpers of the official client read forwarded and replayed streams. */
import fc from 'fast-check';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { createAssembly } from '../../../src/domain/streams/assembly.ts';
import { finalEvents } from '../../../src/domain/streams/final-events.ts';
import { createReplay } from '../../../src/domain/streams/replay.ts';
import type { StreamedOperation, StreamEvent } from '../../../src/domain/streams/stream-event.ts';
import { chatStream } from '../../support/arbitrary/chat-stream.ts';
import { responseStream } from '../../support/arbitrary/response-stream.ts';
import { addAll, ONE_FAILURE, rest } from '../../support/stream-events.ts';

/** A client whose every call is answered with these events. */
function clientOf(events: readonly StreamEvent[]): OpenAI {
  const text = events
    .map(({ event, data }) => `${event === null ? '' : `event: ${event}\n`}data: ${data}\n\n`)
    .join('');
  return new OpenAI({
    apiKey: 'none',
    fetch: () => Promise.resolve(new Response(text, { headers: { 'content-type': 'text/event-stream' } })),
  });
}

/** The ways in which a caller may get the same stream. */
const WAYS = ['live', 'joined', 'replayed', 'never streamed'] as const;

function streamFor(
  operation: StreamedOperation,
  events: readonly StreamEvent[],
  way: (typeof WAYS)[number],
  joinedAt: number,
): { readonly stream: StreamEvent[]; readonly answer: unknown } {
  const assembly = createAssembly(operation, 1);
  const before = addAll(assembly, events.slice(0, joinedAt));
  const replay = createReplay(operation, { ...assembly, attempt: 1 });
  const joined = rest(replay);
  const live = addAll(assembly, events.slice(joinedAt));
  for (const _ of live) replay.skip();
  const { answer, cuts } = assembly;
  const whole = (source: typeof cuts | null): StreamEvent[] =>
    rest(createReplay(operation, { answer, cuts: source, attempt: 1 }));
  const streams = {
    live: () => [...before, ...live],
    joined: () => [...joined, ...live],
    replayed: () => whole(cuts),
    'never streamed': () => whole(null),
  };
  const provisional = streams[way]();
  const end = { attempt: 1, at: provisional.length, usage: true };
  const final = finalEvents(operation, { answer, bytes: assembly.bytes() }, end);
  return { stream: [...provisional, ...final], answer: JSON.parse(Buffer.from(assembly.bytes()).toString()) };
}

describe("openai-node's stream helper", () => {
  it.each(WAYS)('ends with the stored chat answer: %s', async (way) => {
    await fc.assert(
      fc.asyncProperty(chatStream, fc.nat(10), async ({ events }, joinedAt) => {
        const { stream, answer } = streamFor('chat.completions', events, way, joinedAt);
        const runner = clientOf(stream).chat.completions.stream({ model: 'm', messages: [] });
        const shown: unknown = JSON.parse(JSON.stringify(await runner.finalChatCompletion()));
        expect(knownPart(shown)).toMatchObject(knownPart(answer));
      }),
      { ...ONE_FAILURE, numRuns: 30 },
    );
  });

  it.each(WAYS)('ends with the stored Response: %s', async (way) => {
    await fc.assert(
      fc.asyncProperty(responseStream, fc.nat(20), async ({ events }, joinedAt) => {
        const { stream, answer } = streamFor('responses', events, way, joinedAt);
        const runner = clientOf(stream).responses.stream({ model: 'm', input: '' });
        const numbers: number[] = [];
        runner.on('event', ({ sequence_number }) => numbers.push(sequence_number));
        const shown: unknown = JSON.parse(JSON.stringify(await runner.finalResponse()));
        expect(shown).toMatchObject(Object(answer));
        expect(numbers).toEqual(stream.map((_, ordinal) => ordinal));
      }),
      { ...ONE_FAILURE, numRuns: 30 },
    );
  });
});

/**
 * What the client's types have. Of other text it keeps the last delta only, also without ReqRun; numbers it rounds. Where
 * no text came, it shows the empty text of the first delta, and the answer null, as OpenAI does.
 */
function knownPart(answer: unknown): object {
  const unknown = new Set(['reasoning_content', 'unheard_of', 'annotations', 'nonce']);
  return JSON.parse(
    JSON.stringify(answer, (name, value) => {
      if (unknown.has(name)) return undefined;
      return name === 'content' && value === '' ? null : value;
    }),
  );
}
