import type { FastifyReply } from 'fastify';
import type { WaitSettings } from '../app-types.ts';

export interface ResolvedWait {
  readonly waitMs: number;
  /** What of the Prefer header was applied (RFC 7240), for `Preference-Applied`. */
  readonly applied: string | null;
}

/** How long to hold a call: the body's word, else the Prefer header's, else the default. */
export function resolveWait(
  settings: WaitSettings,
  fromBody: boolean | number | undefined,
  prefer: string | undefined,
): ResolvedWait {
  const bounded = (seconds: number): number => Math.min(seconds, settings.maxWaitSeconds) * 1000;
  if (typeof fromBody === 'number') return { waitMs: bounded(fromBody), applied: null };
  if (fromBody !== undefined) return { waitMs: fromBody ? bounded(settings.waitSeconds) : 0, applied: null };
  const preference = readPrefer(prefer);
  if (preference === null) return { waitMs: bounded(settings.defaultWaitSeconds), applied: null };
  if (preference === 'respond-async') return { waitMs: 0, applied: 'respond-async' };
  return { waitMs: bounded(preference), applied: `wait=${preference}` };
}

/** The first preference of ours; RFC 7240: one that cannot be read is ignored. */
function readPrefer(prefer: string | undefined): number | 'respond-async' | null {
  const tokens = (prefer ?? '').split(',').map((token) => token.trim().toLowerCase());
  for (const token of tokens) {
    const wait = /^wait\s*=\s*"?(\d{1,4})"?(?:\s*;.*)?$/.exec(token);
    if (wait?.[1] !== undefined && Number(wait[1]) <= 3600) return Number(wait[1]);
    // With a wait beside it (RFC 7240, 4.3), the wait says when to turn asynchronous.
    if (/^respond-async(?:\s*;.*)?$/.test(token) && !tokens.some((other) => other.startsWith('wait'))) {
      return 'respond-async';
    }
  }
  return null;
}

/** Aborted when the caller has gone or the process is stopping. It ends a wait, never a request. */
export function untilClientDisconnects(reply: FastifyReply, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return AbortSignal.any([gone.signal, stopping]);
}
