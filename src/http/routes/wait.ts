import type { FastifyReply } from 'fastify';
import type { WaitSettings } from '../app-types.ts';

export interface ResolvedWait {
  readonly waitMs: number;
  /** The part of the Prefer header that was applied (RFC 7240), for `Preference-Applied`. */
  readonly applied: string | null;
}

/** Decides how long to hold a call: the body's `wait`, else the Prefer header's, else the default. */
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

/** The first supported preference. One that cannot be read is ignored, as RFC 7240 requires. */
function readPrefer(prefer: string | undefined): number | 'respond-async' | null {
  const tokens = (prefer ?? '').split(',').map((token) => token.trim().toLowerCase());
  for (const token of tokens) {
    const wait = /^wait\s*=\s*"?(\d{1,4})"?(?:\s*;.*)?$/.exec(token);
    if (wait?.[1] !== undefined && Number(wait[1]) <= 3600) return Number(wait[1]);
    // Ignored together with `wait`, which then sets how long to hold the call before a 202 (RFC 7240, 4.3).
    if (/^respond-async(?:\s*;.*)?$/.test(token) && !tokens.some((other) => other.startsWith('wait'))) {
      return 'respond-async';
    }
  }
  return null;
}

/** A signal that aborts when the caller disconnects or the process stops. It ends a wait, never a request. */
export function untilClientDisconnects(reply: FastifyReply, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return AbortSignal.any([gone.signal, stopping]);
}
