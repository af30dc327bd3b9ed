import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { KeyHolder } from '../../domain/project.ts';
import { overloaded, Refusal } from '../../domain/refusal.ts';
import { SIGNATURE_HEADERS, SIGNATURE_VERSION, signedText } from '../../domain/signed-text.ts';
import { singleHeader } from './single-header.ts';

/** Verifies requests of keys whose calls must be signed. */
export interface Signatures {
  /**
   * What the headers of a request claim; null where its key asks for no signature.
   *
   * @throws Refusal `missing_signature`, `invalid_signature`, `signature_expired` or `duplicate_header`
   */
  of(request: IncomingMessage, holder: KeyHolder): SignedRequest | null;
}

/** A request whose headers claim a signature. */
export interface SignedRequest {
  /** Of its key and nonce, 32 bytes: the same for a replay, and for nothing else. */
  readonly digest: Uint8Array;
  /**
   * Verifies what was received, and takes the nonce; the second time it does nothing.
   *
   * @throws Refusal `invalid_signature`, `signature_expired`, `nonce_reused`, or `overloaded` where no nonce can be kept
   */
  verifyUnlessDone(body: Uint8Array): void;
}

/** How far a caller's clock may be off. */
const SKEW_MS = 300_000;
/** ISO 8601 with a zone, as `Date.toISOString` and `date -u +%FT%TZ` write it. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
/** A UUID, or 16 random bytes in hex or base64url, and whatever is longer. */
const NONCE = /^[A-Za-z0-9_.~+/=-]{16,128}$/;
const SIGNATURE = /^[0-9a-f]{64}$/;

/** @param now Unix ms */
export function createSignatures(now: () => number): Signatures {
  const nonces = createNonces();
  return {
    of(request, { keyId, isSignature }) {
      if (isSignature === null) return null;
      const { timestamp, nonce, signature } = readHeaders(request);
      const atMs = Date.parse(timestamp);
      requireFresh(atMs, now());
      let isVerified = false;
      return {
        digest: sha256(JSON.stringify([keyId, nonce])).digest(),
        verifyUnlessDone(body) {
          if (isVerified) return;
          const { method = '', url: target = '' } = request;
          const bodySha256 = sha256(body).digest('hex');
          if (!isSignature(signedText({ method, target, timestamp, nonce, bodySha256 }), signature)) {
            throw new Refusal('invalid_signature');
          }
          // Again: a body may have been on its way since, and the nonce of a replay may be forgotten by now.
          requireFresh(atMs, now());
          const taken = nonces.take(keyId, nonce, { untilMs: atMs + SKEW_MS, nowMs: now() });
          if (taken === 'used') throw new Refusal('nonce_reused');
          if (taken === 'full') throw overloaded();
          isVerified = true;
        },
      };
    },
  };
}

function requireFresh(atMs: number, nowMs: number): void {
  if (Math.abs(nowMs - atMs) > SKEW_MS) throw new Refusal('signature_expired');
}

function readHeaders(request: IncomingMessage): { timestamp: string; nonce: string; signature: string } {
  const timestamp = readHeader(request, SIGNATURE_HEADERS.timestamp);
  const nonce = readHeader(request, SIGNATURE_HEADERS.nonce);
  const versioned = readHeader(request, SIGNATURE_HEADERS.signature);
  const signature = versioned.startsWith(SIGNATURE_VERSION) ? versioned.slice(SIGNATURE_VERSION.length) : '';
  const wellFormed =
    TIMESTAMP.test(timestamp) &&
    !Number.isNaN(Date.parse(timestamp)) &&
    NONCE.test(nonce) &&
    SIGNATURE.test(signature);
  if (!wellFormed) throw new Refusal('invalid_signature', { message: MALFORMED });
  return { timestamp, nonce, signature };
}

const MALFORMED =
  'X-ReqRun-Timestamp must be ISO 8601 with a zone, X-ReqRun-Nonce 16 to 128 of A-Z a-z 0-9 and _.~+/=-, X-ReqRun-Signature v1= and 64 hexadecimal digits in lower case.';

function readHeader(request: IncomingMessage, name: string): string {
  const value = singleHeader(request, name) ?? '';
  if (value === '') throw new Refusal('missing_signature');
  return value;
}

function sha256(data: string | Uint8Array): ReturnType<typeof createHash> {
  return createHash('sha256').update(data);
}

/** Which nonces were received in this process, for as long as their requests' timestamps are good. */
export interface Nonces {
  /** Takes a nonce of a key: `used` where it was taken before, `full` where no more of this key can be kept. */
  take(keyId: string, nonce: string, at: { untilMs: number; nowMs: number }): 'taken' | 'used' | 'full';
}

/** What is forgotten together: a minute more than need be, at most. */
const SLOT_MS = 60_000;
/** 400 requests a second for the ten minutes in which a timestamp may be good; some 50 MB. */
const MAX_PER_KEY = 250_000;

/** Only what has a valid signature is kept, and each key has a bound of its own: nobody fills it for others. */
export function createNonces(maxPerKey = MAX_PER_KEY): Nonces {
  /** Of each key, by the end of the slot that a nonce's last moment lies in. */
  const keys = new Map<string, Map<number, Set<string>>>();
  let sweptMs = 0;

  function forgetBefore(nowMs: number): void {
    for (const [keyId, slots] of keys) {
      for (const endMs of slots.keys()) if (endMs < nowMs) slots.delete(endMs);
      if (slots.size === 0) keys.delete(keyId);
    }
    sweptMs = nowMs;
  }

  return {
    take(keyId, nonce, { untilMs, nowMs }) {
      if (nowMs - sweptMs >= SLOT_MS) forgetBefore(nowMs);
      const slots = keys.get(keyId) ?? new Map<number, Set<string>>();
      const sets = [...slots.values()];
      if (sets.some((slot) => slot.has(nonce))) return 'used';
      if (sets.reduce((sum, { size }) => sum + size, 0) >= maxPerKey) return 'full';
      const endMs = Math.ceil(untilMs / SLOT_MS) * SLOT_MS;
      keys.set(keyId, slots.set(endMs, (slots.get(endMs) ?? new Set()).add(nonce)));
      return 'taken';
    },
  };
}
