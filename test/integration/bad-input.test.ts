/** What nobody should send, byte for byte, on bare sockets: each is refused in the same words, and nothing runs. */
import { describe, expect, it } from 'vitest';
import { errorOf, get, post, unique } from '../support/api.ts';
import { CANARY } from '../support/bad-input/bad-input.ts';
import { FIELD_ROWS } from '../support/bad-input/fields.ts';
import { JSON_ROWS } from '../support/bad-input/json.ts';
import { KEY_ROWS } from '../support/bad-input/keys.ts';
import { TRANSPORT_ROWS } from '../support/bad-input/transport.ts';
import { exchange } from '../support/raw-http.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, url } = await useDeployment();

describe.each([
  ['transport', TRANSPORT_ROWS],
  ['JSON', JSON_ROWS],
  ['fields', FIELD_ROWS],
  ['keys and ids', KEY_ROWS],
])('%s', (_section, rows) => {
  it.each(rows.map((row) => [row.row, row.title, row.status, row.code, row] as const))(
    'row %s: %s is a %s %s',
    async (_row, _title, _status, _code, row) => {
      const answer = await exchange(url, row.request, { endAfterRequest: row.endAfterRequest });
      if (answer === null) throw new Error('closed without an answer');
      const { code, param } = errorOf(answer);
      expect([answer.status, code, param]).toEqual([row.status, row.code, row.param]);
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(answer.headers.get('x-should-retry')).toBe('false');
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(`${answer.text}${[...answer.headers].join()}`.toLowerCase()).not.toContain(CANARY);
    },
  );
});

it('makes no upstream call for any of them, only for the request accepted afterwards', async () => {
  const model = unique('after');
  expect((await post(url, { model, wait: 20 })).status).toBe(200);
  expect(upstream.calls()).toBe(1);
  expect(upstream.hits(model)).toHaveLength(1);
  expect((await get(url, '/healthz')).status).toBe(200);
});
