import type { FastifyReply } from 'fastify';
import type { WaitSettings } from '../app-types.ts';

/** As for `wait` in a body. */
const MAX_SECONDS = 3600;

export interface ResolvedWait {
  readonly waitMs: number;
  /** The part of the Prefer header that was applied (RFC 7240), for `Preference-Applied`. */
  readonly applied: string | null;
  /** Whether the call named a wait, so that its caller understands an answer without a result. */
  readonly isNamed: boolean;
}

/** Decides how long to hold a call: the body's `wait`, else the Prefer header's, else the default. */
export function resolveWait(
  settings: WaitSettings,
  fromBody: boolean | number | undefined,
  prefer: string | undefined,
): ResolvedWait {
  const bounded = (seconds: number): number => Math.min(seconds, settings.maxWaitSeconds) * 1000;
  const named = { isNamed: true, applied: null };
  if (typeof fromBody === 'number') return { ...named, waitMs: bounded(fromBody) };
  if (fromBody !== undefined) return { ...named, waitMs: fromBody ? bounded(settings.waitSeconds) : 0 };
  const preference = readPrefer(prefer);
  if (preference === null) {
    return { waitMs: bounded(settings.defaultWaitSeconds), applied: null, isNamed: false };
  }
  if (preference === 'respond-async') return { ...named, waitMs: 0, applied: 'respond-async' };
  return { ...named, waitMs: bounded(preference), applied: `wait=${preference}` };
}

/** A preference of the list, up to the next comma outside of quotes. */
const PREFERENCE = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g;
/** Its name and value, without its parameters. */
const NAME_AND_VALUE = /^\s*([^\s=;]+)\s*(?:=\s*("[^"]*"|[^\s";]*))?\s*(?:;|$)/;
const SECONDS = /^(?:"(\d{1,4})"|(\d{1,4}))$/;

/**
 * The supported preference. RFC 7240: of two with one name the first counts, and one that cannot be read is ignored.
 * With a `wait`, `respond-async` is ignored: the wait then sets how long to hold the call before a 202.
 */
function readPrefer(prefer = ''): number | 'respond-async' | null {
  const preferences = new Map<string, string>();
  for (const [text] of prefer.matchAll(PREFERENCE)) {
    const [, name, value = ''] = NAME_AND_VALUE.exec(text) ?? [];
    if (name === undefined || preferences.has(name.toLowerCase())) continue;
    preferences.set(name.toLowerCase(), value);
  }
  const [, quoted, plain] = SECONDS.exec(preferences.get('wait') ?? '') ?? [];
  const seconds = Number(quoted ?? plain ?? NaN);
  if (seconds <= MAX_SECONDS) return seconds;
  return preferences.has('respond-async') ? 'respond-async' : null;
}

/** A signal that aborts when the caller disconnects or the process stops. It ends a wait, never a request. */
export function untilClientDisconnects(reply: FastifyReply, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return AbortSignal.any([gone.signal, stopping]);
}
