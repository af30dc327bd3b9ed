import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { KeyHolder } from '../../domain/project.ts';
import { overloaded, Refusal } from '../../domain/refusal.ts';
import { SIGNATURE_HEADERS, SIGNATURE_VERSION, signedText } from '../../domain/signed-text.ts';
import { singleHeader } from './single-header.ts';

/** Verifies the signatures of requests whose API key requires them. */
export interface Signatures {
  /**
   * Reads the signature headers of a request. Returns null when its key requires no signature.
   *
   * @throws Refusal `missing_signature`, `invalid_signature`, `signature_expired` or `duplicate_header`
   */
  of(request: IncomingMessage, holder: KeyHolder): SignedRequest | null;
}

/** A request with signature headers that are not verified yet. */
export interface SignedRequest {
  /** SHA-256 of the key id and the nonce, 32 bytes. Only a replay of the request has the same digest. */
  readonly digest: Uint8Array;
  /**
   * Verifies the signature over what was received, and records the nonce as used. A second call does nothing.
   *
   * @param body the received bytes, or their SHA-256 in hex
   * @throws Refusal `invalid_signature`, `signature_expired` or `nonce_reused`; `overloaded` when no more
   *   nonces of this key can be kept
   */
  verifyUnlessDone(body: Uint8Array | string): void;
}

/** Accepted difference between the caller's clock and ours, in either direction. */
const SKEW_MS = 300_000;
/** ISO 8601 with a zone, in the form that `Date.toISOString` and `date -u +%FT%TZ` print. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
/** At least 16 characters, which fits a UUID, 16 random bytes in hex or base64url, and longer values. */
const NONCE = /^[A-Za-z0-9_.~+/=-]{16,128}$/;
const SIGNATURE = /^[0-9a-f]{64}$/;

/**
 * Creates the verifier, with the nonces that this process has received.
 *
 * @param now the current time in Unix ms
 */
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
          const bodySha256 = typeof body === 'string' ? body : sha256(body).digest('hex');
          if (!isSignature(signedText({ method, target, timestamp, nonce, bodySha256 }), signature)) {
            throw new Refusal('invalid_signature');
          }
          // Checked a second time because receiving the body takes time. The nonce of a replay may have
          // expired by now.
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

/** The nonces received in this process. Each is kept as long as the timestamp of its request is accepted. */
export interface Nonces {
  /** Records a nonce of a key. Returns `used` for a known nonce, `full` when the key has no room left. */
  take(keyId: string, nonce: string, at: { untilMs: number; nowMs: number }): 'taken' | 'used' | 'full';
}

/** Nonces are removed in slots of this length, so one is kept at most a minute longer than needed. */
const SLOT_MS = 60_000;
/** About 400 requests a second for the ten minutes in which a timestamp is accepted; about 50 MB. */
const MAX_PER_KEY = 250_000;

/**
 * Creates an empty store of nonces. Only nonces with a valid signature are stored, and each key has its own
 * limit, so no caller can use up the room of another key.
 */
export function createNonces(maxPerKey = MAX_PER_KEY): Nonces {
  /** The nonces by key id, then by the end of the slot in which they expire. */
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
