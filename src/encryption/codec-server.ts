import cors from '@fastify/cors';
import type { Payload } from '@temporalio/common';
import Fastify, { type FastifyInstance } from 'fastify';
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { hostOf, isLoopback } from '../domain/hosts.ts';
import type { EncryptionKeys } from './keys.ts';
import { isSealed, type Place, placeOf, seal, unseal } from './sealed-payload.ts';
import { PayloadUnreadableError } from './unreadable.ts';

export interface CodecServerSettings {
  readonly keys: EncryptionKeys;
  /** The path before `/decode` and `/encode`: empty, or a slash and a segment that cannot be guessed. */
  readonly prefix: string;
  /**
   * The token that `Authorization: Bearer` must carry. Null = the unguessable prefix protects the server
   * instead.
   */
  readonly token: string | null;
  /** Puts a text of the blob store in the place of its reference. Null = there is no blob store. */
  readonly resolve: ((payload: Payload, workflowId: string | null) => Promise<Payload>) | null;
  /** The origins of the Temporal UI. Requests from pages of any other origin are refused. */
  readonly origins: readonly string[];
}

/** Fits a page of a history, with payloads of up to 2 MiB each in base64. */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;
const RECEIVE_TIMEOUT_MS = 30_000;

/**
 * Builds Temporal's codec server, which decrypts payloads for the Temporal UI and CLI. A caller with access
 * can read every request. The server does not log, and it does not listen yet.
 */
export async function buildCodecServer(settings: CodecServerSettings): Promise<FastifyInstance> {
  const { keys, prefix, token, origins, resolve } = settings;
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
    // Refused before decrypting, because CORS alone only prevents the page from reading the answer.
    if (origin !== undefined && !origins.includes(origin)) {
      return void reply.code(403).send(error('Requests from pages of this origin are refused.'));
    }
    // Without a token the server is for this machine only. Other names are refused because a web page may
    // resolve its own name to this machine (DNS rebinding).
    if (token === null && !isLoopback(hostOf(host ?? ''))) {
      return void reply.code(403).send(error('Without a token, only loopback host names are accepted.'));
    }
    // Checked before the body is read. A preflight carries no token; the CORS plugin has answered it before.
    if (token === null || isBearer(request.headers.authorization, token)) return done();
    void reply.code(401).header('www-authenticate', 'Bearer').send(error('A bearer token is required.'));
  });
  serve('decode', async (payload, place) => {
    if (!isSealed(payload)) return payload;
    const decoded = orAsItCame(payload, keys, place);
    return resolve === null ? decoded : resolve(decoded, placeOf(payload).workflowId);
  });
  serve('encode', async (payload, place) => seal(payload, keys, place));

  function serve(
    what: 'decode' | 'encode',
    code: (payload: Payload, place: Place) => Promise<Payload>,
  ): void {
    app.post(`${prefix}/${what}`, async ({ body, headers }) => {
      const namespace = z.string().optional().parse(headers['x-namespace']) ?? null;
      // The protocol does not name the workflow. So a payload encoded here is bound to no workflow, and
      // ReqRun refuses it.
      const place = { namespace, workflowId: null };
      const payloads = fromRemote(RemotePayloads.parse(body));
      return toRemote(await Promise.all(payloads.map((payload) => code(payload, place))));
    });
  }
  return app;
}

/**
 * Decrypts a payload. One that cannot be read is returned encrypted, so that the rest of the page is shown.
 */
function orAsItCame(payload: Payload, keys: EncryptionKeys, place: Place): Payload {
  try {
    return unseal(payload, keys, place);
  } catch (thrown) {
    if (thrown instanceof PayloadUnreadableError) return payload;
    throw thrown;
  }
}

/** Compares the token in constant time, whatever the lengths. */
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

/** Payloads in the format of Temporal's codec protocol: protobuf's JSON, all bytes in base64. */
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
