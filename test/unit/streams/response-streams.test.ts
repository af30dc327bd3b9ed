/** Responses streams: the assembled answer, the forwarded events and their replay agree. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAssembly } from '../../../src/domain/streams/assembly.ts';
import { finalEvents } from '../../../src/domain/streams/final-events.ts';
import { createReplay } from '../../../src/domain/streams/replay.ts';
import type { StreamEvent } from '../../../src/domain/streams/stream-event.ts';
import { responseStream } from '../../support/arbitrary/response-stream.ts';
import { addAll, ONE_FAILURE, rest } from '../../support/stream-events.ts';

const OPERATION = 'responses';

/** Without padding, which is not replayed. */
const meaning = ({ event, data }: StreamEvent): unknown => {
  const { obfuscation: _, ...members } = JSON.parse(data);
  return { event, ...members };
};

describe('a Responses stream', () => {
  it("is assembled into the upstream's own Response, and its events have our numbers", () => {
    fc.assert(
      fc.property(responseStream, fc.integer({ min: 1, max: 3 }), ({ answer, events }, attempt) => {
        const assembly = createAssembly(OPERATION, attempt);
        const forwarded = addAll(assembly, events);
        expect(assembly.isFinished).toBe(true);
        expect(JSON.parse(Buffer.from(assembly.bytes()).toString())).toEqual(answer);
        expect(forwarded.length).toBe(events.length - 1);
        expect(forwarded.map(meaning)).toEqual(
          events.slice(0, -1).map((event, ordinal) => ({
            ...Object(meaning(event)),
            sequence_number: (attempt - 1) * 1_000_000 + ordinal,
          })),
        );
      }),
      ONE_FAILURE,
    );
  });

  it('is replayed as it was forwarded, at every position and from the part that has come', () => {
    fc.assert(
      fc.property(responseStream, ({ events }) => {
        const assembly = createAssembly(OPERATION, 2);
        const follower = createReplay(OPERATION, { ...assembly, attempt: 2 });
        const forwarded: StreamEvent[] = [];
        const followed: StreamEvent[] = [];
        for (const event of events) {
          forwarded.push(...addAll(assembly, [event]));
          const joined = rest(createReplay(OPERATION, { ...assembly, attempt: 2 }));
          expect(joined.map(meaning)).toEqual(forwarded.map(meaning));
          followed.push(...rest(follower));
        }
        expect(followed.map(meaning)).toEqual(forwarded.map(meaning));
        const stored = JSON.parse(Buffer.from(assembly.bytes()).toString());
        const cuts = JSON.parse(JSON.stringify(assembly.cuts));
        for (let position = 0; position <= forwarded.length; position += 1) {
          const replay = createReplay(OPERATION, { answer: stored, cuts, attempt: 2 }, position);
          expect(rest(replay).map(meaning)).toEqual(forwarded.slice(position).map(meaning));
        }
      }),
      ONE_FAILURE,
    );
  });

  it('gives the same answer and the same cuts when it is read again', () => {
    fc.assert(
      fc.property(responseStream, fc.boolean(), ({ events }, hasCuts) => {
        const assembly = createAssembly(OPERATION, 1);
        addAll(assembly, events);
        const { answer } = assembly;
        const cuts = hasCuts ? assembly.cuts : null;
        const replayed = rest(createReplay(OPERATION, { answer, cuts, attempt: 1 }));
        const again = createAssembly(OPERATION, 1);
        const end = { attempt: 1, at: replayed.length, usage: true };
        addAll(again, [...replayed, ...finalEvents(OPERATION, { answer, bytes: assembly.bytes() }, end)]);
        expect(Buffer.from(again.bytes()).toString()).toBe(Buffer.from(assembly.bytes()).toString());
        if (hasCuts) expect(again.cuts).toEqual(assembly.cuts);
      }),
      ONE_FAILURE,
    );
  });
});
