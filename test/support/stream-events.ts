import { type Assembly, createAssembly } from '../../src/domain/streams/assembly.ts';
import type { Replay } from '../../src/domain/streams/replay.ts';
import type { StreamedOperation, StreamEvent } from '../../src/domain/streams/stream-event.ts';
import type { StreamedCall } from '../../src/upstream/event-stream.ts';

/** Adds events to an assembly. Returns those that were forwarded; throws for a failure. */
export function addAll(assembly: Assembly, events: readonly StreamEvent[]): StreamEvent[] {
  return events.flatMap((event) => {
    const added = assembly.add(event);
    if (added.kind === 'error' || added.kind === 'malformed') throw new Error(`${added.kind}: ${event.data}`);
    return added.kind === 'forward' ? added.events : [];
  });
}

/** How a call asks for its answer as a stream, without limits of time; nobody receives the events. */
export function newStreamedCall(operation: StreamedOperation = 'chat.completions'): StreamedCall {
  const assembly = createAssembly(operation, 1);
  return { assembly, forward: () => undefined, firstEventMs: null, silenceMs: null };
}

/** All events that a replay has now. */
export function rest(replay: Replay): StreamEvent[] {
  const events: StreamEvent[] = [];
  for (let event = replay.next(); event !== null; event = replay.next()) events.push(event);
  return events;
}

/** Options of fast-check. A stream is drawn step by step, and to shrink it takes minutes and gigabytes. */
export const ONE_FAILURE = { endOnFailure: true };
