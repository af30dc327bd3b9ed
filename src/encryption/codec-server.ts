import cors from '@fastify/cors';
import type { Payload } from '@temporalio/common';
import Fastify, { type FastifyInstance } from 'fastify';
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { hostOf, isLoopback } from '../domain/hosts.ts';
import type { EncryptionKeys } from './keys.ts';
import { isSealed, type Place, seal, unseal } from './sealed-payload.ts';
import { PayloadUnreadableError } from './unreadable.ts';

export interface CodecServerSettings {
  readonly keys: EncryptionKeys;
  /** Before `/decode` and `/encode`: empty, or an unguessable segment with its slash. */
  readonly prefix: string;
  /** What `Authorization: Bearer` must carry; null where the prefix is what keeps strangers out. */
  readonly token: string | null;
  /** Of the Temporal UI; no page of another origin is answered. */
  readonly origins: readonly string[];
}

/** A history's page of payloads of up to 2 MiB each, in base64. */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;
const RECEIVE_TIMEOUT_MS = 30_000;

/**
 * Temporal's codec server: decrypts for a UI or CLI what Temporal hands out encrypted. Whoever may call it reads
 * every request. It neither listens nor logs.
 */
export async function buildCodecServer(settings: CodecServerSettings): Promise<FastifyInstance> {
  const { keys, prefix, token, origins } = settings;
  const app = Fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: RECEIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(error('There is nothing at this path.')));
  app.setErrorHandler((thrown, _request, reply) =>
    reply.code(statusOf(thrown)).send(error('These are no payloads that this server takes.')),
  );
  await app.register(cors, {
    origin: [...origins],
    methods: ['POST'],
    allowedHeaders: ['authorization', 'authorization-extras', 'content-type', 'x-namespace'],
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    const { origin, host } = request.headers;
    // CORS only keeps an answer from a page that asked for it; here nothing is decrypted for one.
    if (origin !== undefined && !origins.includes(origin)) {
      return void reply.code(403).send(error('Pages of this origin are not answered.'));
    }
    // Guarded by its path alone, it is for this machine: a name that a page had resolved to it is refused.
    if (token === null && !isLoopback(hostOf(host ?? ''))) {
      return void reply.code(403).send(error('Without a token, only loopback names are answered.'));
    }
    // Before the body is read. A browser's preflight carries no token, and was answered before this.
    if (token === null || isBearer(request.headers.authorization, token)) return done();
    void reply.code(401).header('www-authenticate', 'Bearer').send(error('A bearer token is needed.'));
  });
  serve('decode', (payload, place) => (isSealed(payload) ? orAsItCame(payload, keys, place) : payload));
  serve('encode', (payload, place) => seal(payload, keys, place));

  function serve(what: 'decode' | 'encode', code: (payload: Payload, place: Place) => Payload): void {
    app.post(`${prefix}/${what}`, async ({ body, headers }) => {
      const namespace = z.string().optional().parse(headers['x-namespace']) ?? null;
      // The protocol does not say which workflow: what is encoded here is bound to none, and ours refuse it.
      const place = { namespace, workflowId: null };
      return toRemote(fromRemote(RemotePayloads.parse(body)).map((payload) => code(payload, place)));
    });
  }
  return app;
}

/** One that cannot be read stays visibly encrypted, so that the others of a page are shown. */
function orAsItCame(payload: Payload, keys: EncryptionKeys, place: Place): Payload {
  try {
    return unseal(payload, keys, place);
  } catch (thrown) {
    if (thrown instanceof PayloadUnreadableError) return payload;
    throw thrown;
  }
}

/** In constant time, whatever the lengths. */
function isBearer(header: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`));
}

function statusOf(thrown: unknown): number {
  if (thrown instanceof z.ZodError) return 400;
  const status = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : null;
  return typeof status === 'number' ? status : 500;
}

function error(message: string): { error: { message: string } } {
  return { error: { message } };
}

/** Payloads as Temporal's codec protocol sends them: protobuf's JSON, all bytes in base64. */
export const RemotePayloads = z.object({
  payloads: z.array(
    z.object({
      metadata: z.record(z.string(), z.base64()).nullish(),
      data: z.base64().nullish(),
    }),
  ),
});
export type RemotePayloads = z.output<typeof RemotePayloads>;

function fromRemote({ payloads }: RemotePayloads): Payload[] {
  return payloads.map(({ metadata, data }) => ({
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
    ),
    data: Buffer.from(data ?? '', 'base64'),
  }));
}

export function toRemote(payloads: readonly Payload[]): RemotePayloads {
  return {
    payloads: payloads.map(({ metadata, data }) => ({
      metadata: Object.fromEntries(
        Object.entries(metadata ?? {}).map(([name, value]) => [name, toBase64(value)]),
      ),
      data: toBase64(data),
    })),
  };
}

function toBase64(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString('base64');
}
