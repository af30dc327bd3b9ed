import { createParser } from 'eventsource-parser';
import type { Assembly } from '../domain/streams/assembly.ts';
import type { StreamEvent } from '../domain/streams/stream-event.ts';
import { ResponseTooLargeError } from './response-body.ts';

/** How a call wants its answer as a stream. Each call has its own. */
export interface StreamedCall {
  /** Collects the answer. */
  readonly assembly: Assembly;
  /** Receives the events that go on to callers, as they come. */
  readonly forward: (events: readonly StreamEvent[]) => void;
  /** The longest time to the first event. Null = only the signal of the call limits it. */
  readonly firstEventMs: number | null;
  /** The longest time between two events. Null = only the signal of the call limits it. */
  readonly silenceMs: number | null;
}

/** What a streamed attempt shows in the attempt log. */
export interface StreamProgress {
  /** From the start of the call. Null = no event came. */
  readonly first_event_ms: number | null;
  /** Events of the upstream, without comments. */
  readonly events: number;
  /** Bytes of the event stream. */
  readonly bytes: number;
}

/** How an event stream ended. `error`: an event carried an error. `unreadable`: an event was broken JSON. */
export type StreamEnd =
  | { readonly kind: 'ended'; readonly hasEvents: boolean }
  | { readonly kind: 'error'; readonly event: unknown }
  | { readonly kind: 'unreadable' };

/** The time that an upstream has to close its stream after the last event, so that its connection can be used again. */
const CLOSE_MS = 250;
/** Characters of one event. A partial image in base64 has millions. */
const MAX_EVENT_CHARACTERS = 64 * 1024 * 1024;

/** Watches over the time between events, and counts them. */
export interface StreamWatch {
  /**
   * Aborts when an event is late, and when the watch stops: an upstream may leave its connection open after the last
   * event.
   */
  readonly over: AbortSignal;
  /** Counts bytes that came. */
  received(bytes: number): void;
  /** Counts an event, and waits for the next one. */
  event(): void;
  /** The answer comes as a whole, although a stream was asked for. Only the signal of the call limits it then. */
  comesWhole(): void;
  /** Null = the answer came as a whole. */
  progress(): StreamProgress | null;
  stop(): void;
}

/** Starts to watch a call, from the moment at which it is made. */
export function watchStream({
  firstEventMs,
  silenceMs,
}: Pick<StreamedCall, 'firstEventMs' | 'silenceMs'>): StreamWatch {
  const startedMs = performance.now();
  const over = new AbortController();
  const giveUp = (): void => over.abort();
  let timer = firstEventMs === null ? undefined : setTimeout(giveUp, firstEventMs);
  let [events, bytes] = [0, 0];
  let first_event_ms: number | null = null;
  let isWhole = false;
  return {
    over: over.signal,
    received: (more) => void (bytes += more),
    event() {
      events += 1;
      if (first_event_ms === null) {
        first_event_ms = Math.round(performance.now() - startedMs);
        clearTimeout(timer);
        timer = silenceMs === null ? undefined : setTimeout(giveUp, silenceMs);
      } else timer?.refresh();
    },
    comesWhole() {
      isWhole = true;
      clearTimeout(timer);
    },
    progress: () => (isWhole ? null : { first_event_ms, events, bytes }),
    stop: () => {
      clearTimeout(timer);
      giveUp();
    },
  };
}

/**
 * Reads an event stream to its end, and hands each event to the assembly. A stream that breaks off after its answer is
 * whole has ended: some upstreams send no `[DONE]`.
 *
 * @throws the error of the connection, if the answer is not whole; ResponseTooLargeError for an event
 */
export async function readEventStream(
  body: AsyncIterable<Uint8Array>,
  { assembly, forward }: StreamedCall,
  watch: StreamWatch,
): Promise<StreamEnd> {
  const failed: StreamEnd[] = [];
  let isCut = false;
  let fresh: StreamEvent[] = [];
  const isOver = (): boolean => failed.length > 0 || assembly.isOver;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') throw new ResponseTooLargeError();
    },
    onEvent: ({ event = null, data }) => {
      // Whatever follows an error or the last event belongs to no answer.
      if (isOver()) return;
      watch.event();
      const added = assembly.add({ event, data });
      if (added.kind === 'forward') fresh.push(...added.events);
      if (added.kind === 'error') failed.push({ kind: 'error', event: added.error });
      // It may have had a part of the answer. What is no JSON at all, such as the word `ping`, had none.
      const isBroken = added.kind === 'malformed' && data.startsWith('{');
      if (isBroken && !assembly.isFinished && !isCut) failed.push({ kind: 'unreadable' });
    },
  });
  const feed = (text: string): void => {
    parser.feed(text);
    if (fresh.length === 0) return;
    forward(fresh);
    fresh = [];
  };
  const decoder = new TextDecoder();
  const chunks = body[Symbol.asyncIterator]();
  try {
    while (!isOver()) {
      const next = await chunks.next();
      if (next.done === true) break;
      watch.received(next.value.byteLength);
      feed(decoder.decode(next.value, { stream: true }));
    }
    if (isOver()) await within(CLOSE_MS, untilClosed(chunks));
    // The blank line after the last event may be missing. What has no line end may be a part of an event.
    isCut = true;
    feed(`${decoder.decode()}\n\n`);
  } catch (error) {
    if (!assembly.isFinished && failed.length === 0) throw error;
  } finally {
    void Promise.resolve(chunks.return?.()).catch(() => undefined);
  }
  const hasEvents = (watch.progress()?.events ?? 0) > 0;
  return failed[0] ?? { kind: 'ended', hasEvents };
}

async function untilClosed(chunks: AsyncIterator<unknown>): Promise<void> {
  while ((await chunks.next()).done !== true);
}

/** Resolves when the promise does, or after some time. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, ms);
  promise.catch(() => undefined);
  await Promise.race([promise, over.promise]).finally(() => clearTimeout(timer));
}
