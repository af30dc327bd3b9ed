import { z } from 'zod';
import { MAX_BLOB_BYTES } from './domain/raw-json.ts';

/** Where large texts are stored, as REQRUN_BLOB_STORE names it. */
export type BlobStoreSetting =
  | { readonly kind: 'none' }
  | { readonly kind: 'file'; readonly directory: string }
  | {
      readonly kind: 's3';
      readonly bucket: string;
      /** Empty, or parts that each end with a slash. */
      readonly prefix: string;
    };

const EXPECTED = 'must be file:DIRECTORY, s3://BUCKET/PREFIX or none';
/** The rules of S3 for new buckets. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Characters that S3 documents as safe in every client. */
const PREFIX = /^[A-Za-z0-9!_.*'()/-]{0,512}$/;

/** Parses REQRUN_BLOB_STORE. Null = it is not a store. */
function parse(text: string): BlobStoreSetting | null {
  if (text === 'none') return { kind: 'none' };
  const [, scheme, rest = ''] = /^(file|s3):(.+)$/.exec(text) ?? [];
  // `file:///var/blobs`, `file:/var/blobs` and `file:blobs` are the forms that people write.
  if (scheme === 'file') return { kind: 'file', directory: rest.replace(/^\/\/(?=\/)/, '') };
  const [, bucket = '', path = ''] = /^\/\/([^/]+)\/?(.*)$/.exec(rest) ?? [];
  if (scheme !== 's3' || !BUCKET.test(bucket) || !PREFIX.test(path)) return null;
  const parts = path.split('/').filter((part) => part !== '');
  return { kind: 's3', bucket, prefix: parts.map((part) => `${part}/`).join('') };
}

/** The variables of large texts, for the schema of config.ts. */
export const BlobEnvironment = {
  REQRUN_BLOB_STORE: z
    .string()
    .transform((text, context) => {
      const setting = parse(text);
      if (setting !== null) return setting;
      context.addIssue(EXPECTED);
      return z.NEVER;
    })
    .optional(),
  REQRUN_MAX_BODY_BYTES: z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(
      z.number().min(1_024, 'must be at least 1024').max(MAX_BLOB_BYTES, `must be at most ${MAX_BLOB_BYTES}`),
    )
    .optional(),
};

/** The settings of large texts. */
export function toLargeTextSettings(values: {
  readonly REQRUN_BLOB_STORE?: BlobStoreSetting | undefined;
  readonly REQRUN_MAX_BODY_BYTES?: number | undefined;
}) {
  return {
    /** Null = the default of the process: a directory where Temporal is embedded, none otherwise. */
    store: values.REQRUN_BLOB_STORE ?? null,
    /** Null = the default of the process: 20 MiB with a blob store, 1 MiB without. */
    maxBodyBytes: values.REQRUN_MAX_BODY_BYTES ?? null,
  };
}

/** Their meaning, for the tables of docs/configuration.md. */
export const BLOB_VARIABLE_TEXTS = {
  REQRUN_BLOB_STORE: {
    group: 'limits',
    set: 'sometimes',
    meaning:
      'Where bodies and results over 256 KiB are stored: `file:DIRECTORY`, `s3://BUCKET/PREFIX` or `none`. The same for APIs and workers.',
    unset: '`blobs` in `REQRUN_DATA_DIR` if Temporal is embedded, otherwise none',
  },
  REQRUN_MAX_BODY_BYTES: {
    group: 'limits',
    set: 'sometimes',
    meaning:
      'Largest body of a request, in bytes. At most 67108864 with a blob store, 1964032 without, because Temporal stores 2 MiB. With a blob store also the largest answer.',
    unset: '20971520 with a blob store, 1048576 without',
  },
} as const;
