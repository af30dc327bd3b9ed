import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import type { LaneSnapshot } from '../domain/lane.ts';
import type { KeyHolder } from '../domain/project.ts';
import type { Requests } from '../domain/requests.ts';
import type { UpstreamModels } from '../domain/upstream-models.ts';

/** A Fastify instance whose routes get their types from zod schemas. */
export type App = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** The dependencies of the HTTP API. */
export interface AppDependencies {
  readonly requests: Requests;
  readonly access: Access;
  /** The lanes of the worker in this process. Null = no worker is in this process. */
  readonly lanes: (() => readonly LaneSnapshot[]) | null;
  readonly models: UpstreamModels;
  readonly wait: WaitSettings;
  readonly maxBodyBytes: number;
  /** Maximum open connections. Requests on connections over this limit get 503, except health checks. */
  readonly maxConnections: number;
  /** Aborted when the process is stopping: held callers get their 202, and readiness reports 503. */
  readonly stopping: AbortSignal;
  readonly logger: FastifyBaseLogger;
  /** Null = disabled. */
  readonly observer: HttpObserver | null;
  /**
   * The time a caller has to send its request, headers and body, counted from its first byte.
   *
   * @default 25,000, and 1,000 for each MiB of the largest body over the first. Node checks every 5 s.
   */
  readonly receiveTimeoutMs?: number;
  /** @default a comment after 10 s of silence; callers that do not read for 60 s are dropped */
  readonly streamTimes?: StreamTimes;
  /** @default 60 s, 256 MiB */
  readonly slowReaders?: SlowReaderLimits;
  /**
   * The clock that timestamps of signed requests are compared with, in Unix ms.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/** Which callers the service accepts. */
export type Access =
  /** Callers with an API key. `holderOf` returns null for a text that is not a usable key. */
  | { readonly kind: 'keys'; holderOf(key: string): KeyHolder | null }
  /**
   * Callers without a key. The Host header must name loopback or one of `hosts`; null = any host. Requests
   * from web pages of another origin are refused.
   */
  | { readonly kind: 'open'; readonly hosts: readonly string[] | null };

/** Default and maximum of a wait, in seconds. Taken from the configuration. */
export interface WaitSettings {
  /** Applies when the call does not ask for a wait. */
  readonly defaultWaitSeconds: number;
  /** Applies when the call asks for `wait: true`. */
  readonly waitSeconds: number;
  /** Maximum. A longer wait is reduced to this. */
  readonly maxWaitSeconds: number;
}

/** Times of an answer that is a stream. */
export interface StreamTimes {
  /** A comment is sent when nothing was sent for so long. */
  readonly keepaliveMs: number;
  /** A caller that does not read for so long is dropped. */
  readonly unreadMs: number;
}

export interface SlowReaderLimits {
  /** The time a caller has to read its answer, counted from when the answer is ready. */
  readonly timeoutMs: number;
  /** Limit on the bytes of all unread answers together. */
  readonly maxBytes: number;
}

/** One finished call, for metrics. The caller chose none of these values except the method. */
export interface AnsweredCall {
  readonly method: string;
  /** The route's pattern, never the path. Null when no route matched. */
  readonly route: string | null;
  /** Null when the connection ended before the answer. */
  readonly status: number | null;
  readonly seconds: number;
}

/** Receives the events of the HTTP side, for metrics. */
export interface HttpObserver {
  answered(call: AnsweredCall): void;
  /** Called when a call got one of our error codes, also when it could not be parsed as a request. */
  refused(code: ErrorCode): void;
}
