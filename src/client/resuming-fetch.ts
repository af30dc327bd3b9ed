import { APIError } from 'openai';
import { OPERATIONS } from '../domain/operations.ts';
import type { StreamedOperation } from '../domain/streams/stream-event.ts';
import { isFinal, pause, retryAfterMs } from './retries.ts';
import type { Fetch } from './signed-fetch.ts';
import { createStreamPlace } from './stream-place.ts';

/**
 * The attempt whose events the caller has was abandoned, and another one has begun: all that was read of the stream is
 * void. The same call with the same idempotency key reads the stream from its start.
 */
export class StreamSupersededError extends Error {
  constructor() {
    super('the attempt of this stream was abandoned; what was read of it is void; send the same call again');
    this.name = 'StreamSupersededError';
  }
}

/** The service sends a comment after 10 s in which it sent nothing. A connection silent for longer is broken. */
const SILENCE_MS = 45_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;
/** How long the service may be away. */
const GIVE_UP_MS = 600_000;

const PATHS: Readonly<Record<StreamedOperation, string>> = {
  'chat.completions': OPERATIONS['chat.completions'].upstreamPath,
  completions: OPERATIONS.completions.upstreamPath,
  responses: OPERATIONS.responses.upstreamPath,
};

/** Codes of a connection that was made, and then broke: the service may have accepted the call. */
const BROKEN_CONNECTION: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/**
 * Creates a `fetch` whose streams survive their connection. A durable call with `stream: true` is sent again, with its
 * idempotency key, when its connection breaks or the service interrupts its stream, until the stream has its end. What
 * the caller has is left out. Any other call is passed on as it is, and so is the error of a call that reached no
 * service.
 *
 * The body of the answer fails with {@link StreamSupersededError} when the events come from another attempt than what the
 * caller has, with an `APIError` when the request has failed or the service refuses the call, and with the last error
 * when the service was away for 10 minutes.
 */
export function resumingFetch(fetch: Fetch): Fetch {
  return async (input, init = {}) => {
    const operation = joinableOperation(input, init);
    if (operation === null) return fetch(input, init);
    const again: Fetch = async (_, more) => fetch(input, { ...init, ...more });
    const { signal = null } = init;
    const answer = await fetch(input, init).catch((error: unknown) => {
      if (!isBrokenConnection(error)) throw error;
      return joinAgain(again, signal);
    });
    if (!isEventStream(answer)) return answer;
    const { status, statusText, headers } = answer;
    const body = ReadableStream.from(survive(answer, operation, again, signal));
    return new Response(body, { status, statusText, headers });
  };
}

function isBrokenConnection(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : null;
  return cause instanceof Error && 'code' in cause && BROKEN_CONNECTION.has(cause.code);
}

/** The operation of a streamed call that names its request. Null for any other call. */
function joinableOperation(input: Parameters<Fetch>[0], init: RequestInit): StreamedOperation | null {
  if (init.method !== 'POST' || input instanceof Request) return null;
  // The official client writes bodies without white space.
  if (typeof init.body !== 'string' || !init.body.includes('"stream":true')) return null;
  const { pathname } = new URL(input);
  // The shorter path is the end of the longer one.
  if (pathname.endsWith(PATHS['chat.completions'])) return ifNamed('chat.completions', init);
  if (pathname.endsWith(PATHS.completions)) return ifNamed('completions', init);
  return pathname.endsWith(PATHS.responses) ? ifNamed('responses', init) : null;
}

function ifNamed(operation: StreamedOperation, { headers, body }: RequestInit): StreamedOperation | null {
  const isNamed =
    new Headers(headers).has('idempotency-key') ||
    (typeof body === 'string' && body.includes('"idempotency_key"'));
  return isNamed ? operation : null;
}

/** The events that the caller does not have, over as many connections as it takes. */
async function* survive(
  first: Response,
  operation: StreamedOperation,
  again: Fetch,
  signal: AbortSignal | null,
): AsyncGenerator<Uint8Array> {
  const place = createStreamPlace(operation);
  const encoder = new TextEncoder();
  for (let answer = first; ; answer = await joinAgain(again, signal)) {
    if (!isEventStream(answer)) throw await errorOf(answer);
    place.join();
    for await (const block of blocksOf(answer)) {
      const meaning = place.read(block);
      if (meaning === 'superseded') throw new StreamSupersededError();
      if (meaning === 'interrupted') break;
      if (meaning === 'known') continue;
      yield encoder.encode(`${block}\n\n`);
      if (meaning === 'last') return;
    }
    signal?.throwIfAborted();
  }
}

/** The events and comments of a connection, until it ends, breaks or falls silent. */
async function* blocksOf({ body }: Response): AsyncGenerator<string> {
  if (body === null) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const leave = (): void => void reader.cancel().catch(() => undefined);
  let text = '';
  try {
    for (;;) {
      const silence = setTimeout(leave, SILENCE_MS);
      const { done, value } = await reader
        .read()
        .catch(() => ({ done: true, value: undefined }) as const)
        .finally(() => clearTimeout(silence));
      if (done) return;
      const blocks = (text + value).split('\n\n');
      text = blocks.pop() ?? '';
      yield* blocks;
    }
  } finally {
    leave();
  }
}

/**
 * Sends the call again until it is answered with a stream, or refused for good.
 *
 * @throws the last error when the service was away for 10 minutes
 */
async function joinAgain(again: Fetch, signal: AbortSignal | null): Promise<Response> {
  const giveUpAtMs = Date.now() + GIVE_UP_MS;
  let pauseMs = FIRST_PAUSE_MS;
  let toldMs = 0;
  for (;;) {
    await pause(Math.max(toldMs, pauseMs * (0.5 + Math.random() / 2)), signal);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    const answer = await answerWithin(again, signal);
    if (answer instanceof Response && (isEventStream(answer) || isFinalAnswer(answer))) return answer;
    if (Date.now() > giveUpAtMs) throw answer instanceof Response ? await errorOf(answer) : answer;
    toldMs = answer instanceof Response ? retryAfterMs(answer.headers, 0) : 0;
    if (answer instanceof Response) await answer.body?.cancel();
  }
}

/** The answer, or the error of a call that got none. A caller that leaves rejects it. */
async function answerWithin(again: Fetch, signal: AbortSignal | null): Promise<Response | Error> {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), SILENCE_MS);
  const either = signal === null ? silent.signal : AbortSignal.any([signal, silent.signal]);
  try {
    return await again('', { signal: either });
  } catch (error) {
    signal?.throwIfAborted();
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    clearTimeout(timer);
  }
}

function isEventStream({ ok, headers }: Response): boolean {
  return ok && (headers.get('content-type') ?? '').startsWith('text/event-stream');
}

/** The error that the official client makes of an answer. */
async function errorOf(answer: Response): Promise<APIError> {
  const text = await answer.text().catch(() => '');
  let body: object | undefined;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  return APIError.generate(answer.status, body, text, answer.headers);
}

function isFinalAnswer({ status, headers }: Response): boolean {
  return headers.get('x-should-retry') === 'false' || isFinal(status);
}
