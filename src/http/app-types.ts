import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import type { KeyHolder } from '../domain/project.ts';
import type { Requests } from '../domain/requests.ts';

/** Fastify with our schemas' types. */
export type App = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What the HTTP API is built from. */
export interface AppDependencies {
  readonly requests: Requests;
  readonly access: Access;
  readonly wait: WaitSettings;
  readonly maxBodyBytes: number;
  /** What comes on a connection beyond is refused, health apart. */
  readonly maxConnections: number;
  /** Aborted when the process is stopping: held callers get their 202, readiness goes off. */
  readonly stopping: AbortSignal;
  readonly logger: FastifyBaseLogger;
  /** Null = nobody counts. */
  readonly observer: HttpObserver | null;
  /**
   * A caller has this long to send its request, headers and body, from its first byte.
   *
   * @default 25,000; Node looks five times in it, so that the 408 comes within 30 s
   */
  readonly receiveTimeoutMs?: number;
  /** @default 60 s, 256 MiB */
  readonly slowReaders?: SlowReaderLimits;
  /** Unix ms, for the timestamps of signed requests. @default Date.now */
  readonly now?: () => number;
}

/** Whom the service answers. */
export type Access =
  /** Whoever has a key; `holderOf` is null for whatever is none. */
  | { readonly kind: 'keys'; holderOf(key: string): KeyHolder | null }
  /** Whoever reaches it by loopback or one of `hosts`, by any name where that is null; no web page of another origin. */
  | { readonly kind: 'open'; readonly hosts: readonly string[] | null };

/** Bounds of a wait, in seconds; from the configuration. */
export interface WaitSettings {
  /** When the call says nothing. */
  readonly defaultWaitSeconds: number;
  /** When it says `true`. */
  readonly waitSeconds: number;
  /** More than this is taken as this. */
  readonly maxWaitSeconds: number;
}

export interface SlowReaderLimits {
  /** A caller has this long to take its answer, from when it is there. */
  readonly timeoutMs: number;
  /** Of all answers together. */
  readonly maxBytes: number;
}

/** A call that is over; nothing in it was chosen by the caller but the method. */
export interface AnsweredCall {
  readonly method: string;
  /** The route's pattern, never the path; null where none matched. */
  readonly route: string | null;
  /** Null where the connection ended before the answer. */
  readonly status: number | null;
  readonly seconds: number;
}

/** Told of what the HTTP side does. */
export interface HttpObserver {
  answered(call: AnsweredCall): void;
  /** A call was answered with an error code of ours; also one that never became a request. */
  refused(code: ErrorCode): void;
}
