import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DataDirLock {
  release(): void;
}

const RETRY_MS = 100;

/**
 * Locks a data directory for this process, waiting for one that is stopping. The kernel releases the lock
 * with its process, also after kill -9: whoever holds it knows that its predecessor is dead.
 *
 * @throws Error when another process still holds it after `waitMs`
 */
export async function lockDataDir(dataDir: string, waitMs: number): Promise<DataDirLock> {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, 'lock.db');
  const untilMs = Date.now() + waitMs;
  for (;;) {
    const lock = tryLock(path);
    if (lock !== null) return lock;
    if (Date.now() >= untilMs) {
      throw new Error(
        `Another ReqRun runs on the data directory ${dataDir}: stop it, or set REQRUN_DATA_DIR, PORT, ` +
          'REQRUN_TEMPORAL_PORT and REQRUN_TEMPORAL_UI_PORT for a second one.',
      );
    }
    await sleep(RETRY_MS);
  }
}

/** An exclusive SQLite transaction is a lock that every platform keeps for Node, without a native package. */
function tryLock(path: string): DataDirLock | null {
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && /locked|busy/i.test(error.message)) return null;
    throw error;
  }
  return { release: () => database.close() };
}
