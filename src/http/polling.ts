/** Where a record is read; the id is opaque and may hold any visible ASCII. */
export function recordPath(id: string): string {
  return `/v1/requests/${encodeURIComponent(id)}`;
}

/** `Retry-After` while a request runs: until its next attempt, at least 1 s and at most 60 s. */
export function pollAfterSeconds(nextAttemptAt: string | null, nowMs: number): number {
  if (nextAttemptAt === null) return 1;
  const seconds = Math.ceil((Date.parse(nextAttemptAt) - nowMs) / 1000);
  return Math.min(60, Math.max(1, seconds));
}
