import type { StoredRequest } from '../domain/requests.ts';

/** The record as JSON with the upstream's own text in it: its numbers and spacing reach every reader alike. */
export function recordBytes({ record, result }: StoredRequest): Buffer {
  const text = result === null ? 'null' : new TextDecoder().decode(result);
  return Buffer.from(`${JSON.stringify(record).slice(0, -1)},"result":${text}}`);
}
