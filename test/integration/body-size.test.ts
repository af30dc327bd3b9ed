/** The largest body there can be fits into Temporal, with all that goes beside it; one byte more is refused first. */
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { MAX_BODY_BYTES } from '../../src/domain/raw-json.ts';
import { planLargeTexts } from '../../src/process/large-texts.ts';
import { errorOf, get, post, readRecord, unique } from '../support/api.ts';
import { useDeployment } from '../support/use-deployment.ts';

/** The most that the configuration allows. */
const { upstream, url } = await useDeployment({ env: { REQRUN_MAX_BODY_BYTES: String(MAX_BODY_BYTES) } });

/** A body of exactly so many bytes, with the longest key and model there can be. */
function bodyOf(bytes: number, key: string): string {
  const fields = { wait: 30, idempotency_key: key, reqrun: { max_attempts: 1, priority: 5 } };
  const messages = [{ role: 'user', content: '' }];
  const model = key.padEnd(256, 'm');
  const missing = bytes - JSON.stringify({ model, messages, ...fields }).length;
  const content = 'é'.repeat(Math.floor(missing / 2)) + 'x'.repeat(missing % 2);
  return JSON.stringify({ model, messages: [{ role: 'user', content }], ...fields });
}

describe('a body at the limit (row 42)', () => {
  it('cannot be configured larger than what Temporal takes', () => {
    const configure = (bytes: number): unknown =>
      planLargeTexts(loadConfig({ REQRUN_MAX_BODY_BYTES: String(bytes) }), false);
    expect(() => configure(MAX_BODY_BYTES)).not.toThrow();
    expect(() => configure(MAX_BODY_BYTES + 1)).toThrow(/REQRUN_MAX_BODY_BYTES must be at most/);
  });

  it.each([MAX_BODY_BYTES - 1, MAX_BODY_BYTES])(
    'of %i bytes is accepted, called and completed',
    async (bytes) => {
      const key = unique('large').padEnd(255, 'k');
      const body = bodyOf(bytes, key);
      expect(Buffer.byteLength(body)).toBe(bytes);
      expect((await post(url, body)).status).toBe(200);
      expect(upstream.hits(key.padEnd(256, 'm'))).toHaveLength(1);
      expect(await readRecord(url, key)).toMatchObject({ status: 'completed', attempts: 1 });
    },
  );

  it('and one byte is a 413 before anything starts, and its key is free', async () => {
    const key = unique('larger').padEnd(255, 'k');
    const answer = await post(url, bodyOf(MAX_BODY_BYTES + 1, key));
    expect([answer.status, errorOf(answer).code]).toEqual([413, 'request_too_large']);
    expect((await get(url, `/v1/requests/${key}`)).status).toBe(404);
    expect(upstream.calls()).toBe(2);
  });
});
