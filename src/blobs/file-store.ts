import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BlobMissingError, BlobStoreError, type BlobStore, type ListedBlob } from './blob-store.ts';

/** Prefix of files that are being written. No blob has such a name. */
const UNFINISHED = '.';
/** A folder may be removed by another process between its creation and its use. */
const TRIES = 3;
const READ_BYTES = 256 * 1024;

/**
 * Creates a store in a directory, which is created if it is missing. Several processes may share it, also over a
 * network file system with atomic renames.
 *
 * @throws the error of the file system if the directory cannot be created
 */
export async function openFileStore(directory: string): Promise<BlobStore> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const pathOf = (name: string): string => join(directory, ...name.split('/'));

  /**
   * Creates the folders of a blob. The directory itself is not created again, because it may be a disk that is not
   * mounted at the moment.
   */
  async function makeFolders(name: string): Promise<void> {
    let parent = directory;
    for (const part of name.split('/').slice(0, -1)) {
      const folder = join(parent, part);
      const isNew = await mkdir(folder, { mode: 0o700 }).then(() => true, unless('EEXIST', false));
      if (isNew) await syncFolder(parent);
      parent = folder;
    }
  }

  async function create(name: string, path: string): Promise<FileHandle> {
    for (let left = TRIES; ; left -= 1) {
      await makeFolders(name);
      const handle = await open(path, 'wx', 0o600).catch(unless('ENOENT', null));
      if (handle !== null) return handle;
      if (left <= 1) throw Object.assign(new Error('the folder vanishes'), { code: 'ENOENT' });
    }
  }

  async function* list(prefix: string): AsyncGenerator<ListedBlob> {
    const path = pathOf(prefix.replace(/\/$/, ''));
    const entries = await readdir(path, { withFileTypes: true }).catch(unless('ENOENT', []));
    for (const entry of entries) {
      const name = `${prefix}${entry.name}`;
      if (entry.isDirectory()) {
        yield* list(`${name}/`);
        continue;
      }
      // It may have been deleted meanwhile.
      const found = await stat(pathOf(name)).catch(unless('ENOENT', null));
      if (found !== null) yield { name, modifiedMs: found.mtimeMs };
    }
  }

  return {
    description: `the directory ${directory}`,
    async put(name, source, signal) {
      const path = pathOf(name);
      const unfinished = join(dirname(path), `${UNFINISHED}${randomBytes(8).toString('hex')}`);
      try {
        const handle = await create(name, unfinished);
        try {
          await writeAll(handle, source, signal);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(unfinished, path);
        await syncFolder(dirname(path));
      } catch (error) {
        await rm(unfinished, { force: true }).catch(() => undefined);
        throw new BlobStoreError(error);
      }
    },
    async *get(name, signal) {
      const handle = await open(pathOf(name), 'r').catch(async (error: unknown) => {
        // Without the directory, nothing is known of the blob.
        const isMissing = codeOf(error) === 'ENOENT' && (await stat(directory).catch(() => null)) !== null;
        throw isMissing ? new BlobMissingError(error) : new BlobStoreError(error);
      });
      try {
        yield* createReadStream('', { fd: handle, highWaterMark: READ_BYTES, signal });
      } catch (error) {
        throw new BlobStoreError(error);
      }
    },
    async delete(name) {
      try {
        await rm(pathOf(name), { force: true });
        await rmdir(dirname(pathOf(name)));
      } catch (error) {
        if (!STILL_USED.has(codeOf(error))) throw new BlobStoreError(error);
      }
    },
    async *list(prefix) {
      try {
        yield* list(prefix);
      } catch (error) {
        throw new BlobStoreError(error);
      }
    },
  };
}

/** Codes with which a folder is not removed: it has other blobs, or it is gone. */
const STILL_USED: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST', 'ENOENT']);

async function writeAll(
  handle: FileHandle,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of source) {
    signal.throwIfAborted();
    for (let at = 0; at < chunk.byteLength;) at += (await handle.write(chunk, at)).bytesWritten;
  }
}

/** Makes new names in a folder durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Turns one error code of the file system into a value. */
function unless<T>(code: string, otherwise: T): (error: unknown) => T {
  return (error) => {
    if (codeOf(error) === code) return otherwise;
    throw error;
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
