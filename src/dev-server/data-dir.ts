import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DataDirLock {
  release(): void;
}

/** Another process has locked the data directory. */
export class DataDirBusyError extends Error {
  constructor(dataDir: string) {
    super(
      `Another ReqRun process uses the data directory ${dataDir}: stop it, or set REQRUN_DATA_DIR, PORT, ` +
        'REQRUN_TEMPORAL_PORT and REQRUN_TEMPORAL_UI_PORT to run a second one.',
    );
    this.name = 'DataDirBusyError';
  }
}

/** The data directory cannot be created or written to. */
export class DataDirUnusableError extends Error {
  constructor(dataDir: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      `The data directory ${dataDir} is not writable (${why}): set REQRUN_DATA_DIR to a writable directory.`,
      {
        cause,
      },
    );
    this.name = 'DataDirUnusableError';
  }
}

/** This Node has no SQLite. The message says how to get it. */
export class NoSqliteError extends Error {
  constructor() {
    super(
      `Node ${process.versions.node} has SQLite behind a flag only, and the lock of the data directory needs it: ` +
        'use Node 22.13 or newer, or set NODE_OPTIONS=--experimental-sqlite.',
    );
    this.name = 'NoSqliteError';
  }
}

const RETRY_MS = 100;
const SQLITE_BUSY = 5;

/**
 * Locks a data directory for this process. Waits for a process that is stopping. The kernel releases the lock
 * with its process, even after kill -9. The holder therefore knows that its predecessor is dead.
 *
 * @throws DataDirBusyError if another process still holds the lock after `waitMs`
 * @throws DataDirUnusableError if the directory cannot be written to
 * @throws NoSqliteError if this Node is too old
 */
export async function lockDataDir(dataDir: string, waitMs: number): Promise<DataDirLock> {
  const untilMs = Date.now() + waitMs;
  for (;;) {
    const lock = tryLock(dataDir);
    if (lock !== null) return lock;
    if (Date.now() >= untilMs) throw new DataDirBusyError(dataDir);
    await sleep(RETRY_MS);
  }
}

/**
 * Tries to take the lock. It is an exclusive SQLite transaction, because that works with Node on every
 * platform and needs no native package.
 */
function tryLock(dataDir: string): DataDirLock | null {
  // Not a static import, because an API or worker alone runs without it.
  const sqlite: typeof import('node:sqlite') | undefined = process.getBuiltinModule('node:sqlite');
  if (sqlite === undefined) throw new NoSqliteError();
  let database: DatabaseSync | null = null;
  try {
    mkdirSync(dataDir, { recursive: true });
    database = new sqlite.DatabaseSync(join(dataDir, 'lock.db'));
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return null;
    throw new DataDirUnusableError(dataDir, error);
  }
  const locked = database;
  return {
    release: () => {
      if (locked.isOpen) locked.close();
    },
  };
}

/**
 * The permanent id of a data directory. Worker identities contain it, so the holder of the directory's lock
 * knows that every other worker with this id is dead.
 */
export async function directoryId(dataDir: string): Promise<string> {
  const path = join(dataDir, 'directory-id');
  const kept = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (/^[0-9a-f]{16}$/.test(kept)) return kept;
  const id = randomBytes(8).toString('hex');
  await writeFile(`${path}.new`, id);
  await rename(`${path}.new`, path);
  return id;
}
