import { createHash, createHmac, randomUUID } from 'node:crypto';

export interface ToSign {
  readonly method?: string;
  /** Path and query. */
  readonly target?: string;
  readonly timestamp?: string;
  readonly nonce?: string;
  readonly body?: string | Uint8Array;
}

/** The headers of a signed request, as a caller in any language makes them: without the product's code. */
export function sign(secret: string, parts: ToSign): Record<string, string> {
  const {
    method = 'POST',
    target = '/v1/chat/completions',
    timestamp = new Date().toISOString(),
    nonce = randomUUID(),
    body = '',
  } = parts;
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const text = `${method}\n${target}\n${timestamp}\n${nonce}\n${bodyHash}`;
  return {
    'x-reqrun-timestamp': timestamp,
    'x-reqrun-nonce': nonce,
    'x-reqrun-signature': `v1=${createHmac('sha256', secret).update(text).digest('hex')}`,
  };
}
