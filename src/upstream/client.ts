import { buffer } from 'node:stream/consumers';
import OpenAI from 'openai';
import type { AnswerFacts } from '../domain/answer-facts.ts';
import { type LimitReport, NO_REPORT } from '../domain/lane.ts';
import { type Operation, OPERATIONS } from '../domain/operations.ts';
import type { ModelsAnswer } from '../domain/upstream-models.ts';
import type { HttpProxy } from '../domain/proxy.ts';
import type { UpstreamFailure } from '../domain/upstream-failure.ts';
import { Phase } from '../domain/vocabulary.ts';
import { type CallBody, toSend } from './call-body.ts';
import { ACCEPT_EVENTS, createTransport } from './transport.ts';
import { type StreamedCall, type StreamProgress, type StreamWatch, watchStream } from './event-stream.ts';
import { createStreamedBodies, readStreamedAnswer, type StreamedBody } from './streamed-answer.ts';
import type { AnswerText } from './answer-thread.ts';
import { type Answer, classifyModels, classifyThrown } from './classify.ts';
import { createAnswerJudge, createReceivedParts, type ReceivedParts } from './large-answers.ts';
import { type EndedResponse, followResponse } from './follow-response.ts';
import { beginBody } from './begin-body.ts';
import { requestIdOf } from './error-object.ts';
import { ResponseTooLargeError } from './response-body.ts';
import { readLimits } from './limit-headers.ts';

export interface UpstreamSettings {
  readonly baseURL: string;
  /** Null = no Authorization header is sent, because local servers need none. */
  readonly apiKey: string | null;
  /** Limit for the decoded body. */
  readonly maxResponseBytes: number;
  /**
   * Limit for connecting, including name resolution and TLS. Through a proxy, it applies to each of the three
   * steps. Default 10 s.
   */
  readonly connectTimeoutMs?: number;
  /**
   * The proxy for all calls. Null or left out = none; the proxy variables of the environment are not read
   * here.
   */
  readonly proxy?: HttpProxy | null;
  /**
   * Extra headers for every call, with names in lower case. They replace headers of the same name from ReqRun
   * and the SDK.
   */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the SDK's `x-stainless-*` headers are sent. Default true. */
  readonly sdkHeaders?: boolean;
  /** Whether a streamed call asks the upstream to report its usage. Default true. */
  readonly streamUsage?: boolean;
}

export interface UpstreamCallInput {
  readonly operation: Operation;
  /** Sent unchanged. A body that is read while it is sent asks for no stream. */
  readonly body: CallBody;
  /** Sent as X-Client-Request-Id, which an upstream's support can look up. */
  readonly clientRequestId: string;
  /** Ends the call. Only a streamed call has other limits as well. */
  readonly signal: AbortSignal;
  /** Asks for the answer as a stream. Null or left out = the answer comes as a whole. */
  readonly stream?: StreamedCall | null;
}

/** What every answer has. */
interface Reported {
  /** What the upstream reported of its limits. `NO_REPORT` if no status line arrived. */
  readonly limits: LimitReport;
  /** Null = the call was not streamed. */
  readonly stream: StreamProgress | null;
}

export type UpstreamAnswer = Completed | Failed;

/** The last answer to a call, its meaning, and what is known of its text. */
type EndedAnswer = EndedResponse & Pick<Completed, 'text'>;

/** The end of a call, without what was counted on the way. */
type EndedCall = Omit<Completed, 'stream'> | Omit<Failed, 'stream'>;

interface Completed extends Reported {
  readonly kind: 'completed';
  /**
   * The decoded body, unchanged except that a leading byte order mark is removed, because JSON does not
   * allow it. Of a streamed answer: the JSON that the events make up.
   */
  readonly bytes: Uint8Array;
  readonly facts: AnswerFacts;
  /** What storing the bytes needs to know of them. Null = not known yet. */
  readonly text: AnswerText | null;
  readonly status: number;
  readonly requestId: string | null;
}

interface Failed extends Reported {
  readonly kind: 'failed';
  readonly failure: UpstreamFailure;
}

export interface Upstream {
  /** Makes one call with one HTTP request. It never rejects: a fault is returned as a `failed` answer. */
  complete(call: UpstreamCallInput): Promise<UpstreamAnswer>;
  /** Reads the list of models, or one model (null = the list), with one HTTP request. It never rejects. */
  models(model: string | null, signal: AbortSignal): Promise<ModelsAnswer>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Limit for asking an upstream to stop its work on a Response whose call was aborted. */
const STOP_MS = 5_000;
/** Turns the SDK's timeout off (setTimeout's maximum), because the caller's signal ends a call. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Creates the client of an OpenAI-compatible upstream. It uses the official SDK without its retries and
 * without its environment variables.
 */
export function createUpstream(settings: UpstreamSettings): Upstream {
  const capped = createTransport({
    connectTimeoutMs: settings.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    maxBytes: settings.maxResponseBytes,
    proxy: settings.proxy ?? null,
    headers: settings.headers ?? {},
    sdkHeaders: settings.sdkHeaders ?? true,
  });

  // One client serves all calls, because each client holds about a hundred objects for as long as a call
  // runs.
  const client = new OpenAI({
    baseURL: settings.baseURL,
    apiKey: settings.apiKey ?? 'none',
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: 'off',
    maxRetries: 0,
    timeout: NO_TIMEOUT_MS,
    fetch: capped.fetch,
  });

  const headers = {
    // Set here and not by the client, because the headers of a call take precedence over
    // OPENAI_CUSTOM_HEADERS.
    authorization: settings.apiKey === null ? null : `Bearer ${settings.apiKey}`,
    accept: 'application/json',
  };

  const answers = createAnswerJudge();
  const streamedBodies = createStreamedBodies(settings.streamUsage ?? true);

  function post(
    call: UpstreamCallInput,
    streamed: StreamedBody | null,
    signal: AbortSignal,
  ): Promise<Response> {
    const { operation, clientRequestId } = call;
    const named = {
      ...headers,
      ...(streamed === null ? {} : { accept: ACCEPT_EVENTS }),
      'content-type': 'application/json',
      'X-Client-Request-Id': clientRequestId,
    };
    const edit = streamed === null ? null : (body: Uint8Array) => streamed.of(operation, body);
    const sent = toSend(call.body, named, edit);
    return client.post(OPERATIONS[operation].upstreamPath, { ...sent, signal }).asResponse();
  }

  /** Collects an answer of which the beginning is worth nothing without the end. */
  async function readAnswer(response: Response): Promise<Answer> {
    const bytes = withoutMark(await buffer(capped.bodyOf(response)));
    return { status: response.status, headers: response.headers, bytes };
  }

  async function read(path: string, signal: AbortSignal): Promise<Answer> {
    return readAnswer(await client.get(path, { headers, signal }).asResponse());
  }

  /**
   * Follows a Response that the upstream still works on. When the call is aborted, the upstream is asked to stop
   * its work, because it would not notice otherwise.
   */
  function follow(call: UpstreamCallInput, id: string, posted: Answer): Promise<EndedResponse> {
    const path = `${OPERATIONS.responses.upstreamPath}/${encodeURIComponent(id)}`;
    const { signal } = call;
    return followResponse({ posted, read: () => read(path, signal), signal }).catch((error: unknown) => {
      const stop = client.post(`${path}/cancel`, { headers, signal: AbortSignal.timeout(STOP_MS) });
      void stop
        .asResponse()
        .then(readAnswer)
        .catch(() => undefined);
      throw error;
    });
  }

  return {
    models: async (model, signal) => {
      const path = model === null ? '/models' : `/models/${encodeURIComponent(model)}`;
      let phase: Phase = Phase.connect;
      try {
        const answer = await capped.reporting(
          (reached) => (phase = reached),
          () => read(path, signal),
        );
        return classifyModels(answer, Date.now());
      } catch (error) {
        const thrown = { error, phase, aborted: signal.aborted, answer: null };
        return { kind: 'failed', failure: classifyThrown(thrown, Date.now()) };
      }
    },
    close: async () => void (await Promise.all([capped.close(), answers.close()])),
    async complete(call) {
      const watch = call.stream ? watchStream(call.stream) : null;
      const ended = await completeOnce(call, watch);
      watch?.stop();
      return { ...ended, stream: watch?.progress() ?? null };
    },
  };

  async function readWhole(
    call: UpstreamCallInput,
    { status, headers }: Response,
    body: AsyncIterable<Uint8Array>,
    received: ReceivedParts,
    watch: StreamWatch | null,
  ): Promise<EndedAnswer> {
    // An upstream may ignore that a stream was asked for.
    watch?.comesWhole();
    for await (const chunk of body) received.add(chunk);
    const whole = { status, headers, bytes: withoutMark(received.bytes()) };
    const { answer, verdict, text } = await answers.judge(call.operation, whole, Date.now());
    if (verdict.kind !== 'under way') return { answer, verdict, text };
    return { ...(await follow(call, verdict.id, answer)), text: null };
  }

  async function completeOnce(call: UpstreamCallInput, watch: StreamWatch | null): Promise<EndedCall> {
    const { operation, stream = null } = call;
    const signal = watch === null ? call.signal : AbortSignal.any([call.signal, watch.over]);
    const streamed = stream === null ? null : streamedBodies.forCall();
    let phase: Phase = Phase.connect;
    let response: Response | null = null;
    let limits = NO_REPORT;
    let received: ReceivedParts | null = null;
    try {
      response = await capped.reporting(
        (reached) => (phase = reached),
        () => post(call, streamed, signal),
      );
      // Read before the body, because the resets count from here.
      limits = readLimits(response.headers, Date.now());
      phase = Phase.body;
      received = createReceivedParts(response.headers);
      const body = capped.bodyOf(response);
      const { isStream, chunks } =
        stream === null
          ? { isStream: false, chunks: body }
          : await beginBody(response, body, settings.maxResponseBytes);
      if (isStream) phase = Phase.stream;
      const { answer, verdict, text } =
        isStream && stream !== null && watch !== null
          ? { ...(await readStreamedAnswer(operation, response, chunks, stream, watch)), text: null }
          : await readWhole(call, response, chunks, received, watch);
      const { status, headers, bytes } = answer;
      // A stream is limited by its own bytes, which may be many more than those of its answer.
      if (bytes.byteLength > settings.maxResponseBytes) throw new ResponseTooLargeError();
      if (verdict.kind === 'failed') {
        const failure = streamed?.judge(verdict.failure, answer) ?? verdict.failure;
        return { kind: 'failed', failure, limits };
      }
      return {
        kind: 'completed',
        bytes,
        facts: verdict.facts,
        text,
        status,
        requestId: requestIdOf(headers),
        limits,
      };
    } catch (error) {
      const answer =
        response === null
          ? null
          : { status: response.status, headers: response.headers, bytes: received?.bytes() ?? NOTHING };
      const failure = classifyThrown({ error, phase, aborted: signal.aborted, answer }, Date.now());
      const isLate = watch?.over.aborted === true && !call.signal.aborted;
      return { kind: 'failed', failure: isLate ? { ...failure, detail: LATE_EVENT } : failure, limits };
    }
  }
}

const NOTHING = new Uint8Array();
const LATE_EVENT = 'no event of the stream came in time';

function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}
