/** Chat streams: the assembled answer, the forwarded events and their replay agree. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAssembly, type Assembly } from '../../../src/domain/streams/assembly.ts';
import { finalEvents } from '../../../src/domain/streams/final-events.ts';
import { createReplay } from '../../../src/domain/streams/replay.ts';
import type { StreamEvent } from '../../../src/domain/streams/stream-event.ts';
import { chatStream } from '../../support/arbitrary/chat-stream.ts';
import { addAll, ONE_FAILURE, rest } from '../../support/stream-events.ts';

const OPERATION = 'chat.completions';

function assembled(events: readonly StreamEvent[]): Assembly {
  const assembly = createAssembly(OPERATION, 1);
  addAll(assembly, events);
  return assembly;
}

/** What a caller knows at every position, the members of the last chunk left out. */
function meanings(events: readonly StreamEvent[]): string[] {
  const assembly = createAssembly(OPERATION, 1);
  return events.map((event) => {
    addAll(assembly, [event]);
    return JSON.stringify(assembly.answer['choices']);
  });
}

const value = ({ nonce, ...answer }: Record<string, unknown>): unknown =>
  nonce === undefined ? answer : { ...answer, nonce: String(nonce) };
const parsed = (assembly: Assembly): unknown =>
  value(
    JSON.parse(
      Buffer.from(assembly.bytes())
        .toString()
        .replace(/"nonce":(\d+)/, '"nonce":"$1"'),
    ),
  );

describe('a chat stream', () => {
  it('is assembled into the answer, however it was cut', () => {
    fc.assert(
      fc.property(chatStream, ({ answer, events }) => {
        const assembly = createAssembly(OPERATION, 1);
        addAll(assembly, events);
        expect(assembly.isFinished).toBe(true);
        expect(parsed(assembly)).toEqual(answer);
      }),
      ONE_FAILURE,
    );
  });

  it('is replayed as it was forwarded, at every position and from the part that has come', () => {
    fc.assert(
      fc.property(chatStream, ({ events }) => {
        const assembly = createAssembly(OPERATION, 1);
        const forwarded: StreamEvent[] = [];
        const follower = createReplay(OPERATION, { ...assembly, attempt: 1 });
        const followed: StreamEvent[] = [];
        for (const event of events) {
          forwarded.push(...addAll(assembly, [event]));
          followed.push(...rest(follower));
          expect(assembly.forwarded).toBe(forwarded.length);
          const joined = rest(createReplay(OPERATION, { ...assembly, attempt: 1 }));
          expect(joined.length).toBe(forwarded.length);
          expect(meanings(joined).at(-1)).toEqual(meanings(forwarded).at(-1));
        }
        const stored = JSON.parse(Buffer.from(assembly.bytes()).toString());
        const cuts = JSON.parse(JSON.stringify(assembly.cuts));
        const source = { answer: stored, cuts, attempt: 1 };
        const replayed = rest(createReplay(OPERATION, source));
        expect(meanings(replayed)).toEqual(meanings(forwarded));
        expect(meanings(followed)).toEqual(meanings(forwarded));
        for (const position of forwarded.keys()) {
          expect(rest(createReplay(OPERATION, source, position))).toEqual(replayed.slice(position));
        }
      }),
      { ...ONE_FAILURE, numRuns: 50 },
    );
  });

  it('gives the same answer and the same cuts when it is read again', () => {
    fc.assert(
      fc.property(chatStream, fc.boolean(), ({ events }, hasCuts) => {
        const assembly = assembled(events);
        const { answer } = assembly;
        const cuts = hasCuts ? assembly.cuts : null;
        const end = { attempt: 1, at: assembly.forwarded, usage: true };
        const again = assembled([
          ...rest(createReplay(OPERATION, { answer, cuts, attempt: 1 })),
          ...finalEvents(OPERATION, { answer }, end),
        ]);
        expect(parsed(again)).toEqual(parsed(assembly));
        if (hasCuts) expect(again.forwarded).toEqual(assembly.forwarded);
      }),
      ONE_FAILURE,
    );
  });
});
