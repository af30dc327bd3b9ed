import type { FastifyReply } from 'fastify';
import { type CompletedRun, type FollowedRequest, NO_TERMS, type WholeRun } from '../../domain/requests.ts';
import type { StreamPosition } from '../../domain/streams/channel.ts';
import { finalEvents } from '../../domain/streams/final-events.ts';
import { createReplay, type Replay } from '../../domain/streams/replay.ts';
import type { StreamedOperation, StreamEvent } from '../../domain/streams/stream-event.ts';
import { parseExactly } from '../../domain/exact-json.ts';
import { toStrictJson } from '../../domain/lenient-json.ts';
import { isObject } from '../../domain/raw-json.ts';
import { sendFailure } from '../answers/errors.ts';
import type { StreamTimes } from '../app-types.ts';
import { timeToReadMs } from '../edge/slow-readers.ts';
import { createStreamFormat, KEEPALIVE } from './stream-format.ts';

/** How a caller wants its stream. */
export interface StreamWish {
  readonly operation: StreamedOperation;
  /** Whether the caller asked for the usage. Responses have it in any case. */
  readonly usage: boolean;
  /** Where to begin. Null = at the start. */
  readonly from: StreamPosition | null;
}

/** Proxies close a silent connection after 30 to 60 s. The caller that reads nothing gets as long as any other. */
const STREAM_TIMES: StreamTimes = { keepaliveMs: 10_000, unreadMs: 60_000 };

/** Characters of events that are written at once. With the socket's buffer, this is what one caller has in memory. */
const BATCH_CHARACTERS = 16_384;
/** The time that a dropped caller has to read why. */
const DROP_MS = 5_000;

const HOW_TO_GO_ON =
  'Send the same call with the same idempotency key to join the stream again, or read the record.';
const BROKEN = `The upstream's stream broke off, and the request goes on with another attempt. ${HOW_TO_GO_ON}`;
const STOPPING = `The service stops, and the request goes on. ${HOW_TO_GO_ON}`;

/**
 * Sends the stream of a request until its end, the end of the hold, or until the caller leaves. The status line goes out
 * with the first event or the first comment, so that a failure before it has its own status.
 *
 * @param stopping aborted when the process stops, or when the caller has left
 */
export async function sendStream(
  reply: FastifyReply,
  followed: FollowedRequest,
  { operation, usage, from }: StreamWish,
  stopping: AbortSignal,
  { keepaliveMs, unreadMs }: StreamTimes = STREAM_TIMES,
): Promise<FastifyReply> {
  const { id, createdAt, model } = followed;
  const terms = followed.response ?? NO_TERMS;
  const format = createStreamFormat({ operation, id, createdAt, model, terms });
  const { raw } = reply;
  const over = Promise.withResolvers<WholeRun | null>();
  let isOver = false;
  let attempt = from?.attempt ?? null;
  let position = from?.ordinal ?? 0;
  let settled: WholeRun | null = null;
  let rest: Rest | null = null;
  let unread: NodeJS.Timeout | null = null;

  const keepalive = setTimeout(() => write(KEEPALIVE), keepaliveMs);
  const follower = followed.follow(step, from);

  /** Writes at once. The caller's connection is then full until it reads. */
  function write(text: string): void {
    keepalive.refresh();
    if (!raw.headersSent) openStream(reply);
    if (!raw.write(text)) unread ??= setTimeout(drop, unreadMs);
  }

  /** @param readMs the time that the caller has to read it. It would stay in memory otherwise */
  function end(last: string, readMs = timeToReadMs(unreadMs, last.length)): void {
    write(last);
    raw.end();
    finish(null);
    const closing = setTimeout(() => raw.destroy(), readMs).unref();
    raw.once('close', () => clearTimeout(closing));
  }

  /** @param failure what the caller is answered if nothing was sent yet */
  function finish(failure: WholeRun | null): void {
    isOver = true;
    clearTimeout(keepalive);
    if (unread !== null) clearTimeout(unread);
    // The signal lives as long as the process, and would keep the ended stream in memory.
    stopping.removeEventListener('abort', stop);
    follower.leave();
    over.resolve(failure);
  }

  /** The comment that comes before the first event. */
  function beginning(number: number): string {
    if (attempt === number) return '';
    attempt = number;
    return format.beginning(number);
  }

  function interrupt(message: string, readMs?: number): void {
    end(format.interrupted(message, attempt), readMs);
  }

  function drop(): void {
    interrupt(`The caller did not read for ${unreadMs / 1000} s. ${HOW_TO_GO_ON}`, DROP_MS);
  }

  function stop(): void {
    if (raw.destroyed) finish(null);
    else interrupt(STOPPING);
  }

  /** Sends what there is, until the connection is full. */
  function step(): void {
    while (!isOver && unread === null && (settled === null ? sendLive() : sendEnd(settled)));
  }

  /** Sends events of the running attempt. Returns whether there may be more. */
  function sendLive(): boolean {
    const taken = follower.take(BATCH_CHARACTERS);
    if (taken.events.length > 0 && taken.attempt !== null) {
      const first = beginning(taken.attempt);
      position = taken.next;
      write(first + taken.events.map(format.event).join(''));
      return true;
    }
    // The last attempt of a request is followed by the end of the request.
    if (taken.fate === 'broken' && position > 0) interrupt(BROKEN);
    return false;
  }

  /** Sends the end of the request, or the next part of its result. Returns whether there may be more. */
  function sendEnd(run: WholeRun): boolean {
    if (run.kind === 'failed') {
      if (raw.headersSent) end(format.failed(run.error, attempt));
      else finish(run);
      return false;
    }
    if (position > 0 && attempt !== run.attempt) {
      interrupt(BROKEN);
      return false;
    }
    const first = beginning(run.attempt);
    if (first !== '') write(first);
    rest ??= restOf(operation, run, position);
    return sendRest(rest);
  }

  function sendRest({ answer, bytes, attempt, replay }: Rest): boolean {
    const events: StreamEvent[] = [];
    for (let characters = 0; characters < BATCH_CHARACTERS; characters += events.at(-1)?.data.length ?? 0) {
      const event = replay.next();
      if (event === null) {
        const last = finalEvents(operation, { answer, bytes }, { attempt, at: replay.end, usage });
        end([...events, ...last].map(format.event).join(''));
        return false;
      }
      events.push(event);
    }
    write(events.map(format.event).join(''));
    return true;
  }

  raw.on('drain', () => {
    if (unread !== null) clearTimeout(unread);
    unread = null;
    step();
  });
  raw.once('close', () => {
    if (!isOver) finish(null);
  });
  stopping.addEventListener('abort', stop);
  void followed.settled.then((run) => {
    if (run === null || isOver) return;
    settled = run;
    step();
  });
  // The process may have begun to stop, or the caller may have left, while the request was accepted.
  if (stopping.aborted) stop();
  else step();
  const failure = await over.promise.finally(followed.leave);
  return failure?.kind === 'failed' ? sendFailure(reply, failure.error) : reply;
}

/** Sends the status line. From here on the answer bypasses Fastify, because it has no end yet. */
function openStream(reply: FastifyReply): void {
  reply.hijack();
  reply.header('content-type', 'text/event-stream; charset=utf-8');
  // Without this, nginx collects the events.
  reply.header('x-accel-buffering', 'no');
  const headers = Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
    value === undefined ? [] : [name, value],
  );
  // As one list, because headers that are set one by one stay in memory for as long as the stream is open.
  reply.raw.writeHead(200, headers);
}

/** What the result still has for a caller. */
interface Rest {
  readonly answer: Readonly<Record<string, unknown>>;
  readonly bytes: Uint8Array;
  readonly attempt: number;
  readonly replay: Replay;
}

function restOf(
  operation: StreamedOperation,
  run: CompletedRun & { readonly result: Uint8Array },
  from: number,
): Rest {
  const { result: bytes, cuts, attempt } = run;
  const parsed = parseExactly(toStrictJson(new TextDecoder().decode(bytes)));
  const answer = isObject(parsed) ? parsed : {};
  return { answer, bytes, attempt, replay: createReplay(operation, { answer, cuts, attempt }, from) };
}
