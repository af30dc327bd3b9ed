import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DataDirLock {
  release(): void;
}

/** Another process holds the data directory. */
export class DataDirBusyError extends Error {
  constructor(dataDir: string) {
    super(
      `Another ReqRun runs on the data directory ${dataDir}: stop it, or set REQRUN_DATA_DIR, PORT, ` +
        'REQRUN_TEMPORAL_PORT and REQRUN_TEMPORAL_UI_PORT for a second one.',
    );
    this.name = 'DataDirBusyError';
  }
}

/** The data directory cannot be created or written to. */
export class DataDirUnusableError extends Error {
  constructor(dataDir: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      `The data directory ${dataDir} cannot be written to (${why}): set REQRUN_DATA_DIR to one that can.`,
      {
        cause,
      },
    );
    this.name = 'DataDirUnusableError';
  }
}

const RETRY_MS = 100;
const SQLITE_BUSY = 5;

/**
 * Locks a data directory for this process, waiting for one that is stopping. The kernel releases the lock
 * with its process, also after kill -9: whoever holds it knows that its predecessor is dead.
 *
 * @throws DataDirBusyError when another process still holds it after `waitMs`
 * @throws DataDirUnusableError when the directory cannot be written to
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

/** An exclusive SQLite transaction is a lock that every platform keeps for Node, without a native package. */
function tryLock(dataDir: string): DataDirLock | null {
  let database: DatabaseSync | null = null;
  try {
    mkdirSync(dataDir, { recursive: true });
    database = new DatabaseSync(join(dataDir, 'lock.db'));
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
 * A name that stays with a data directory. Worker identities carry it: whoever holds the directory's lock knows
 * that every other worker of this name is dead.
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
