import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import { buildCodecServer } from '../encryption/codec-server.ts';
import type { EncryptionKeys } from '../encryption/keys.ts';
import type { Stopper } from './stop.ts';

/** How a Temporal UI or CLI reaches the codec server; decided before anything listens. */
export interface CodecPlan {
  readonly keys: EncryptionKeys;
  readonly host: string;
  readonly port: number;
  readonly prefix: string;
  readonly token: string | null;
  /** For the embedded server's UI; null where that is not told. */
  readonly endpoint: string | null;
}

/** Unguessable, and of its own for each start. */
const SEGMENT_BYTES = 32;

/**
 * The codec server that is configured; null for none. The embedded UI cannot authenticate: for it alone the server
 * is on loopback behind an unguessable path.
 *
 * @throws Error where another UI would find it unguarded
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
      'REQRUN_CODEC_SERVER needs REQRUN_CODEC_TOKEN here: only the UI of an embedded Temporal server can be told an unguessable address.',
    );
  }
  const prefix = `/${randomBytes(SEGMENT_BYTES).toString('base64url')}`;
  const endpoint = `http://127.0.0.1:${port}${prefix}`;
  return { keys, host: '127.0.0.1', port, prefix, token, endpoint };
}

/** Listens as planned. @param uiUrl whose origin is answered; null = no page of any origin is */
export async function startCodecServer(
  { keys, host, port, prefix, token }: CodecPlan,
  uiUrl: string | null,
  stopper: Stopper,
): Promise<void> {
  const app = await buildCodecServer({ keys, prefix, token, origins: originsOf(uiUrl) });
  await app.listen({ host, port }).catch((cause: unknown) => {
    throw new Error(`The codec server cannot listen on port ${port} (REQRUN_CODEC_PORT).`, { cause });
  });
  stopper.add({ name: 'codec server', stop: () => app.close() });
}

/** A page on loopback may have been opened by either name. */
function originsOf(uiUrl: string | null): string[] {
  if (uiUrl === null) return [];
  const { origin } = new URL(uiUrl);
  const byName = origin.replace('//127.0.0.1', '//localhost');
  return byName === origin ? [origin] : [origin, byName];
}

/** For a person: how requests are stored, and who else can read them. Never the unguessable address. */
export function describePayloads({ encryption }: Config, codec: CodecPlan | null): string {
  if (encryption === null) return 'stored in plain text (REQRUN_ENCRYPTION_KEYS encrypts them)';
  const stored = `encrypted with key "${encryption.current.id}"`;
  if (codec === null) return `${stored}; the Temporal UI cannot read them (REQRUN_CODEC_SERVER=1)`;
  const reader = codec.endpoint === null ? 'whoever has its token' : 'the embedded UI';
  return `${stored}; the codec server on port ${codec.port} decrypts them for ${reader}`;
}
