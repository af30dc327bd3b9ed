import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { Readable } from 'node:stream';
import { BlobMissingError, BlobStoreError, type BlobStore } from './blob-store.ts';

export interface S3Settings {
  readonly bucket: string;
  /** Empty, or it ends with a slash. */
  readonly prefix: string;
  /**
   * Whether the service is not AWS. Then the bucket is in the path and not in the host name, and checksums are sent
   * only where S3 requires them, because other services often know neither.
   */
  readonly isOther: boolean;
}

/** Parts of a large blob. S3 takes 5 MiB at least and 10,000 parts at most. */
const PART_BYTES = 8 * 1024 * 1024;
/** Parts that are sent at the same time. Each is in memory. */
const PARTS_AT_ONCE = 2;
/** Time limits of a connection, and of its silence. */
const TIMEOUTS = { connectionTimeout: 5_000, socketTimeout: 30_000 };

/**
 * Creates a store in a bucket of S3, or of a service that is compatible with it. Address, region and credentials come
 * from the AWS SDK's usual variables and files. A blob of more than one part appears when its last part is there. The
 * parts of an upload that was broken off are removed by the bucket's lifecycle rule.
 */
export function openS3Store({ bucket, prefix, isOther }: S3Settings): BlobStore {
  const client = new S3Client({
    requestHandler: TIMEOUTS,
    forcePathStyle: isOther,
    ...(isOther
      ? { requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' }
      : {}),
  });
  const at = (name: string): { Bucket: string; Key: string } => ({ Bucket: bucket, Key: prefix + name });
  return {
    description: `s3://${bucket}/${prefix}`,
    async put(name, source, signal) {
      const body = Readable.from(source, { objectMode: false });
      const upload = new Upload({
        client,
        params: { ...at(name), Body: body, ContentType: 'application/octet-stream' },
        partSize: PART_BYTES,
        queueSize: PARTS_AT_ONCE,
      });
      const abort = (): void => void upload.abort().catch(() => undefined);
      signal.addEventListener('abort', abort);
      try {
        signal.throwIfAborted();
        await upload.done();
      } catch (error) {
        throw new BlobStoreError(error);
      } finally {
        signal.removeEventListener('abort', abort);
        body.destroy();
      }
    },
    async *get(name, signal) {
      try {
        const { Body: body } = await client.send(new GetObjectCommand(at(name)), { abortSignal: signal });
        if (!(body instanceof Readable)) throw new TypeError('an object without a body');
        yield* body;
      } catch (error) {
        throw nameOf(error) === 'NoSuchKey' ? new BlobMissingError(error) : new BlobStoreError(error);
      }
    },
    async delete(name) {
      try {
        await client.send(new DeleteObjectCommand(at(name)));
      } catch (error) {
        throw new BlobStoreError(error);
      }
    },
    async *list(under) {
      try {
        let token: string | undefined;
        do {
          const page = await client.send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: prefix + under,
              ...(token === undefined ? {} : { ContinuationToken: token }),
            }),
          );
          for (const { Key: key, LastModified: modified } of page.Contents ?? []) {
            if (key === undefined || modified === undefined) continue;
            yield { name: key.slice(prefix.length), modifiedMs: modified.getTime() };
          }
          token = page.NextContinuationToken;
        } while (token !== undefined);
      } catch (error) {
        throw new BlobStoreError(error);
      }
    },
  };
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
