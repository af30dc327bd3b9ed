import { ApplicationFailure, ValueError } from '@temporalio/common';
import { Refusal } from '../domain/refusal.ts';
import { UNREADABLE_DELAY } from '../domain/retry-policy.ts';

/** Why a payload is refused. */
export type Unreadable = 'not encrypted' | 'unknown format' | 'unknown key' | 'moved' | 'altered';

/** As an operator names keys. Anything else was written by somebody else, and is not repeated. */
const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * A payload that cannot be read with this process's keys. A workflow task that meets one fails and is tried again
 * by Temporal for as long as the request may take; so is an attempt. Its type is visible in Temporal.
 */
export class PayloadUnreadableError extends ApplicationFailure {
  readonly why: Unreadable;
  /** Which key it says it needs, as it stands in clear beside it. */
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

/** What the API answers over such a payload; null for any other error. */
export function unreadable(error: unknown): Refusal | null {
  // Without keys there is no codec that would know what it sees: the SDK knows no such encoding.
  const isMeant = error instanceof PayloadUnreadableError || error instanceof ValueError;
  return isMeant ? new Refusal('payload_unreadable', { shouldRetry: false, cause: error }) : null;
}
