import { join } from 'node:path';
import type { BlobStore } from '../blobs/blob-store.ts';
import { openFileStore } from '../blobs/file-store.ts';
import { createTextStore, type TextStore } from '../blobs/text-store.ts';
import { type Config, ConfigError } from '../config.ts';
import type { BlobStoreSetting } from '../config-blobs.ts';
import { MAX_BODY_BYTES, MAX_RESPONSE_BYTES } from '../domain/raw-json.ts';

/** Where a process keeps large texts, and how large they may be. Decided before anything is opened. */
export interface LargeTextPlan {
  readonly where: BlobStoreSetting;
  /** Limit for the body of a request. */
  readonly maxBodyBytes: number;
  /** Limit for the decoded answer of the upstream. */
  readonly maxResponseBytes: number;
  /** Text for a person. */
  readonly said: string;
}

/** The blob store of a process, opened. */
export interface LargeTexts {
  readonly store: BlobStore;
  readonly texts: TextStore;
}

const DEFAULT_BODY_BYTES = { stored: 20 * 1024 * 1024, inline: 1024 * 1024 };
/** The directory of the embedded deployment's blobs, in its data directory. */
const EMBEDDED_DIRECTORY = 'blobs';

/**
 * Plans the blob store. The default is a directory for the embedded deployment, and none where API and worker may be
 * on different machines.
 *
 * @param mayEmbed whether this process starts an embedded Temporal server if no other one is named
 * @throws ConfigError if REQRUN_MAX_BODY_BYTES needs a blob store and there is none, or is over another limit
 */
export function planLargeTexts(
  { largeTexts, embedded, temporal, limits }: Config,
  mayEmbed: boolean,
): LargeTextPlan {
  const isEmbedded = mayEmbed && temporal.external === null;
  const where =
    largeTexts.store ??
    (isEmbedded
      ? { kind: 'file' as const, directory: join(embedded.dataDir, EMBEDDED_DIRECTORY) }
      : { kind: 'none' as const });
  const isStored = where.kind !== 'none';
  const maxBodyBytes = largeTexts.maxBodyBytes ?? DEFAULT_BODY_BYTES[isStored ? 'stored' : 'inline'];
  if (!isStored && maxBodyBytes > MAX_BODY_BYTES) {
    throw new ConfigError([
      `REQRUN_MAX_BODY_BYTES must be at most ${MAX_BODY_BYTES} without REQRUN_BLOB_STORE, because Temporal stores 2 MiB`,
    ]);
  }
  if (maxBodyBytes > limits.acceptingBytes) {
    throw new ConfigError(['REQRUN_MAX_ACCEPTING_BYTES must be at least REQRUN_MAX_BODY_BYTES']);
  }
  const maxResponseBytes = isStored ? Math.max(maxBodyBytes, MAX_RESPONSE_BYTES) : MAX_RESPONSE_BYTES;
  return { where, maxBodyBytes, maxResponseBytes, said: describe(where) };
}

/**
 * Opens the planned blob store. Null = none is planned.
 *
 * @throws Error if its directory cannot be created
 */
export async function openLargeTexts(
  { where }: Pick<LargeTextPlan, 'where'>,
  { encryption, env }: Pick<Config, 'encryption' | 'env'>,
  namespace: string,
): Promise<LargeTexts | null> {
  const store = await openStore(where, env);
  return store === null ? null : { store, texts: createTextStore(store, namespace, encryption) };
}

async function openStore(where: BlobStoreSetting, env: Config['env']): Promise<BlobStore | null> {
  switch (where.kind) {
    case 'none':
      return null;
    case 'file':
      return openFileStore(where.directory).catch((cause: unknown) => {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new Error(
          `The blob store ${where.directory} is not writable (${why}): set REQRUN_BLOB_STORE.`,
          {
            cause,
          },
        );
      });
    case 's3': {
      // Loaded only here, because the client is large and most deployments have no S3.
      const { openS3Store } = await import('../blobs/s3-store.ts');
      const isOther = Boolean(env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL']);
      return openS3Store({ ...where, isOther });
    }
  }
}

function describe(where: BlobStoreSetting): string {
  switch (where.kind) {
    case 'none':
      return 'no blob store (set REQRUN_BLOB_STORE for bodies and results over 1.9 MB)';
    case 'file':
      return `large ones in ${where.directory}`;
    case 's3':
      return `large ones in s3://${where.bucket}/${where.prefix}`;
  }
}
