import { ApplicationFailure, ValueError } from '@temporalio/common';
import { Refusal } from '../domain/refusal.ts';
import { UNREADABLE_DELAY } from '../domain/retry-policy.ts';

/** Why a payload is refused. */
export type Unreadable = 'not encrypted' | 'unknown format' | 'unknown key' | 'moved' | 'altered';

/**
 * The form of key ids that operators configure. Any other text in a payload was not written by us, and is not
 * repeated.
 */
const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * A payload that cannot be read with the keys of this process. A workflow task or an attempt that meets one
 * fails, and Temporal tries it again until the request's deadline. The error type is visible in Temporal.
 */
export class PayloadUnreadableError extends ApplicationFailure {
  readonly why: Unreadable;
  /** The id of the key that the payload needs, from its unencrypted metadata. */
  readonly keyId: string | null;

  constructor(why: Unreadable, keyId: string | null = null) {
    super(
      `a payload cannot be read: ${why}`,
      'payload_unreadable',
      false,
      undefined,
      undefined,
      UNREADABLE_DELAY,
    );
    this.why = why;
    this.keyId = keyId !== null && KEY_ID.test(keyId) ? keyId : null;
  }
}

/** The refusal that the API answers with for an unreadable payload. Null for any other error. */
export function unreadable(error: unknown): Refusal | null {
  // Without encryption keys there is no codec. The SDK then throws ValueError for the unknown encoding.
  const isMeant = error instanceof PayloadUnreadableError || error instanceof ValueError;
  return isMeant ? new Refusal('payload_unreadable', { shouldRetry: false, cause: error }) : null;
}
