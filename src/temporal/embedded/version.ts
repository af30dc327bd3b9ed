/** The Temporal CLI that is cached, downloaded or built; `cli/go.mod` pins the same. */
export const CLI_VERSION = '1.8.2';
/** The oldest server with everything that is relied on (eager starts, priorities, reset activities). */
const OLDEST_SERVER = [1, 31, 0] as const;

/** Whether `temporal --version` speaks of a server that is recent enough. A CLI built from Go says DEV of itself. */
export function isRecentEnough(versionOutput: string): boolean {
  const found = /Server (\d+)\.(\d+)\.(\d+)/.exec(versionOutput);
  if (found === null) return false;
  for (const [index, least] of OLDEST_SERVER.entries()) {
    const part = Number(found[index + 1]);
    if (part !== least) return part > least;
  }
  return true;
}
