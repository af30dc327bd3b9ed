import { randomBytes } from 'node:crypto';
import { createPayloadResolver } from '../blobs/resolve-payload.ts';
import type { TextStore } from '../blobs/text-store.ts';
import type { Config } from '../config.ts';
import { buildCodecServer } from '../encryption/codec-server.ts';
import type { EncryptionKeys } from '../encryption/keys.ts';
import type { Stopper } from './stop.ts';

/** How a Temporal UI or CLI reaches the codec server. Decided before the process listens on any port. */
export interface CodecPlan {
  readonly keys: EncryptionKeys;
  readonly host: string;
  readonly port: number;
  readonly prefix: string;
  readonly token: string | null;
  /** Address for the embedded server's UI. Null = no embedded UI uses the codec server. */
  readonly endpoint: string | null;
}

/** Length of the random path segment. Each start draws a new one. */
const SEGMENT_BYTES = 32;

/**
 * Plans the configured codec server. Null = none is configured. The embedded UI cannot authenticate. For it
 * alone the codec server listens on loopback behind an unguessable path instead of a token.
 *
 * @throws Error if no token is set and the UI is not the embedded one
 */
export function planCodecServer(
  { codecServer, host, temporal }: Config,
  mayEmbed: boolean,
): CodecPlan | null {
  if (codecServer === null) return null;
  const { keys, port, token } = codecServer;
  if (token !== null) return { keys, host, port, prefix: '', token, endpoint: null };
  if (!mayEmbed || temporal.external !== null) {
    throw new Error(
      'REQRUN_CODEC_SERVER needs REQRUN_CODEC_TOKEN here. Without a token the codec server listens at an unguessable address, which only the UI of an embedded Temporal server can be given.',
    );
  }
  const prefix = `/${randomBytes(SEGMENT_BYTES).toString('base64url')}`;
  const endpoint = `http://127.0.0.1:${port}${prefix}`;
  return { keys, host: '127.0.0.1', port, prefix, token, endpoint };
}

/**
 * Starts to listen as planned.
 *
 * @param uiUrl pages of this origin are allowed. Null = no page of any origin is
 * @param texts large texts are shown in the place of their references. Null = there is no blob store
 */
export async function startCodecServer(
  { keys, host, port, prefix, token }: CodecPlan,
  uiUrl: string | null,
  texts: TextStore | null,
  stopper: Stopper,
): Promise<void> {
  const resolve = texts === null ? null : createPayloadResolver(texts);
  const app = await buildCodecServer({ keys, prefix, token, resolve, origins: originsOf(uiUrl) });
  await app.listen({ host, port }).catch((cause: unknown) => {
    throw new Error(`The codec server cannot listen on port ${port} (REQRUN_CODEC_PORT).`, { cause });
  });
  stopper.add({ name: 'codec server', stop: () => app.close() });
}

/** Allowed origins of the UI. A page on loopback may have been opened as `127.0.0.1` or as `localhost`. */
function originsOf(uiUrl: string | null): string[] {
  if (uiUrl === null) return [];
  const { origin } = new URL(uiUrl);
  const byName = origin.replace('//127.0.0.1', '//localhost');
  return byName === origin ? [origin] : [origin, byName];
}

/**
 * Describes for a person how requests are stored and who can decrypt them. Never includes the unguessable
 * address.
 */
export function describePayloads({ encryption }: Config, codec: CodecPlan | null): string {
  if (encryption === null) return 'stored in plain text (set REQRUN_ENCRYPTION_KEYS to encrypt them)';
  const stored = `encrypted with key "${encryption.current.id}"`;
  if (codec === null)
    return `${stored}; the Temporal UI cannot read them (set REQRUN_CODEC_SERVER=1 to let it)`;
  const reader = codec.endpoint === null ? 'every client with its token' : 'the embedded UI';
  return `${stored}; the codec server on port ${codec.port} decrypts them for ${reader}`;
}
