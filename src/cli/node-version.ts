/**
 * The oldest Node that runs the package: it loads an ES module with `require`, which Temporal's SDK does with
 * the payload converter. A clone has a Node of its own.
 */
export const OLDEST_NODE = '22.12';

/** The oldest Node with SQLite, which locks the data directory of an embedded Temporal server. */
export const OLDEST_NODE_EMBEDDED = '22.13';

/** Whether a version of Node, such as `22.14.0`, is at least the oldest one. */
export function isNodeRecentEnough(version: string, oldest: string = OLDEST_NODE): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split('.').map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}
