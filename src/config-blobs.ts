import { z } from 'zod';

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

/** The zod schema of REQRUN_BLOB_STORE. Undefined = not set, so the deployment decides. */
export const blobStore = z
  .string()
  .transform((text, context) => {
    const setting = parse(text);
    if (setting !== null) return setting;
    context.addIssue(EXPECTED);
    return z.NEVER;
  })
  .optional();
