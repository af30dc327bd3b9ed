/** Signed requests at the HTTP edge, on a real port; the clock is the test's. */
import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNonces } from '../../src/http/access/request-signatures.ts';
import { createKey } from '../../src/keys/edit-keys.ts';
import { EMPTY_KEYS_FILE, type KeysFile } from '../../src/keys/keys-file.ts';
import { createKeyRing } from '../../src/keys/key-ring.ts';
import { errorOf, type Answer } from '../support/api.ts';
import { startAppAlone } from '../support/app-alone.ts';
import { exchange, open } from '../support/raw-http.ts';
import { sign, type ToSign } from '../support/sign.ts';

const NOW_MS = Date.parse('2026-11-24T12:00:00.000Z');
const wanted = { project: 'billing', kind: 'live', signed: true, now: new Date(NOW_MS) } as const;
const made = createKey(EMPTY_KEYS_FILE, wanted, randomBytes);
const plain = createKey(made.file, { ...wanted, signed: false }, randomBytes);
const { key } = made;
const secret = made.signingSecret ?? '';
const TARGET = '/v1/chat/completions';
const BODY = '{"model":"m","messages":[{"role":"user","content":"hi"}]}';
const at = (offsetMs: number): string => new Date(NOW_MS + offsetMs).toISOString();
const signed = (parts: ToSign = {}): Record<string, string> =>
  sign(secret, { timestamp: at(0), body: BODY, ...parts });

async function start(now: () => number = () => NOW_MS, file: KeysFile = plain.file) {
  const { holderOf } = createKeyRing(file);
  const app = await startAppAlone({ access: { kind: 'keys', holderOf }, now });
  const send = async (
    headers: Record<string, string>,
    { body = BODY, method = 'POST', target = TARGET, apiKey = key } = {},
  ): Promise<Answer> => {
    const head = { host: 'x', authorization: `Bearer ${apiKey}`, ...headers };
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
    const type =
      body === '' ? '' : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
    const request = `${method} ${target} HTTP/1.1\r\n${lines.join('')}${type}\r\n${body}`;
    const answer = await exchange(app.url, Buffer.from(request));
    if (answer === null) throw new Error('closed without an answer');
    return answer;
  };
  return { ...app, send };
}
const codeOf = (answer: Answer): [number, string | null] => [answer.status, errorOf(answer).code];

describe('a key whose calls must be signed', () => {
  it('lets in what is signed, with a body and without one', async () => {
    const { send, asked } = await start();
    expect((await send(signed())).status).toBe(202);
    const target = '/v1/requests/some-id?wait=1';
    const read = await send(signed({ method: 'GET', target, body: '' }), { method: 'GET', target, body: '' });
    expect(codeOf(read)).toEqual([404, 'request_not_found']);
    const cancel = '/v1/requests/some-id/cancel';
    await send(signed({ target: cancel, body: '' }), { target: cancel, body: '' });
    expect(asked).toEqual(['submit', 'read some-id', 'cancel some-id']);
  });

  it.each([
    ['without a signature', {}, 'missing_signature'],
    ['without a nonce', { ...signed(), 'x-reqrun-nonce': '' }, 'missing_signature'],
    [
      'with another version',
      { ...signed(), 'x-reqrun-signature': `v2=${'0'.repeat(64)}` },
      'invalid_signature',
    ],
    [
      'with capital digits',
      { ...signed(), 'x-reqrun-signature': `v1=${'A'.repeat(64)}` },
      'invalid_signature',
    ],
    ['with a short signature', { ...signed(), 'x-reqrun-signature': 'v1=00' }, 'invalid_signature'],
    [
      'with a made-up signature',
      { ...signed(), 'x-reqrun-signature': `v1=${'0'.repeat(64)}` },
      'invalid_signature',
    ],
    ['with a local time', signed({ timestamp: '2026-11-24T12:00:00' }), 'invalid_signature'],
    ['with Unix seconds', signed({ timestamp: String(NOW_MS / 1000) }), 'invalid_signature'],
    ['with a day that is none', signed({ timestamp: '2026-02-31T99:00:00Z' }), 'invalid_signature'],
    ['with a short nonce', signed({ nonce: 'abc' }), 'invalid_signature'],
    ['signed by another secret', sign(`${secret}x`, { timestamp: at(0), body: BODY }), 'invalid_signature'],
    ['signed for another body', signed({ body: `${BODY} ` }), 'invalid_signature'],
    ['signed for another method', signed({ method: 'PUT' }), 'invalid_signature'],
    ['signed for another query', signed({ target: `${TARGET}?a=1` }), 'invalid_signature'],
    ['with another time than was signed', { ...signed(), 'x-reqrun-timestamp': at(1) }, 'invalid_signature'],
    ['301 s old', signed({ timestamp: at(-301_000) }), 'signature_expired'],
    ['301 s early', signed({ timestamp: at(301_000) }), 'signature_expired'],
  ])('refuses a call %s, before anything is asked of the store', async (_what, headers, code) => {
    const { send, asked } = await start();
    expect(codeOf(await send(headers))).toEqual([401, code]);
    expect(asked).toEqual([]);
  });

  it('takes any zone and 300 s of skew either way', async () => {
    const { send } = await start();
    for (const timestamp of [
      at(-300_000),
      at(300_000),
      '2026-11-24T13:00:00+01:00',
      '2026-11-24T12:00:00Z',
    ]) {
      expect((await send(signed({ timestamp }))).status).toBe(202);
    }
  });

  it('reports a wrong signature before faults of the body, because the body is not trusted', async () => {
    const { send } = await start();
    expect(codeOf(await send(signed(), { body: '{' }))).toEqual([401, 'invalid_signature']);
    expect(codeOf(await send(signed({ body: '{' }), { body: '{' }))).toEqual([400, 'invalid_json']);
  });

  it('takes a nonce once, also under another timestamp, until no replay of it could be in time', async () => {
    let nowMs = NOW_MS;
    const { send, asked } = await start(() => nowMs);
    const nonce = 'n'.repeat(16);
    const headers = signed({ nonce, timestamp: at(300_000) });
    expect((await send(headers)).status).toBe(202);
    nowMs = NOW_MS + 600_000;
    expect(codeOf(await send(headers))).toEqual([401, 'nonce_reused']);
    expect(codeOf(await send(signed({ nonce, timestamp: at(600_000) })))).toEqual([401, 'nonce_reused']);
    nowMs = NOW_MS + 600_001;
    expect(codeOf(await send(headers))).toEqual([401, 'signature_expired']);
    expect(asked).toEqual(['submit']);
  });

  it('is too old where its body comes after its time, for its nonce may be forgotten by then', async () => {
    let nowMs = NOW_MS + 300_000;
    const { url, asked } = await start(() => nowMs);
    const headers = Object.entries({ authorization: `Bearer ${key}`, ...signed() });
    const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const type = 'host: x\r\ncontent-type: application/json\r\nconnection: close\r\n';
    const socket = await open(url);
    socket.write(
      `POST ${TARGET} HTTP/1.1\r\n${head}${type}content-length: ${BODY.length}\r\n\r\n${BODY.slice(0, -1)}`,
    );
    // Its headers were looked at once a second connection was answered.
    await fetch(`${url}/healthz`);
    nowMs += 1;
    socket.write(BODY.slice(-1));
    expect(await text(socket)).toContain('signature_expired');
    expect(asked).toEqual([]);
  });

  it('does not spend the nonce of a caller whose signature was wrong', async () => {
    const { send } = await start();
    const headers = signed();
    expect((await send({ ...headers, 'x-reqrun-signature': `v1=${'0'.repeat(64)}` })).status).toBe(401);
    expect((await send(headers)).status).toBe(202);
  });

  it('refuses an idempotency key in a header, which is not signed, and takes it from the body', async () => {
    const { send } = await start();
    const answer = await send({ ...signed(), 'idempotency-key': 'mine' });
    expect(codeOf(answer)).toEqual([400, 'idempotency_key_not_signed']);
    const body = BODY.replace('{', '{"idempotency_key":"mine",');
    expect((await send(signed({ body }), { body })).status).toBe(202);
  });

  it('refuses a second header of a kind, of which a proxy may have looked at the other', async () => {
    const { send } = await start();
    const headers = signed();
    const twice = `${headers['x-reqrun-nonce']}\r\nX-ReqRun-Nonce: other-nonce-123456`;
    expect(codeOf(await send({ ...headers, 'x-reqrun-nonce': twice }))).toEqual([400, 'duplicate_header']);
  });

  it('is another key than one that asks for no signature, which ignores the headers', async () => {
    const { send } = await start();
    expect((await send({}, { apiKey: plain.key })).status).toBe(202);
    expect((await send({ 'x-reqrun-signature': 'nonsense' }, { apiKey: plain.key })).status).toBe(202);
  });

  it('refuses a key whose sealed secret was altered in the file, or moved to another key', async () => {
    const other = createKey(EMPTY_KEYS_FILE, wanted, randomBytes);
    const swapped = other.file.keys[0]?.signing ?? '';
    const keys = made.file.keys.map((entry) => ({ ...entry, signing: swapped }));
    const { send } = await start(() => NOW_MS, { ...made.file, keys });
    expect(codeOf(await send(signed()))).toEqual([401, 'invalid_signature']);
  });

  it('answers whatever stands in the three headers with a 4xx and asks nothing', async () => {
    const { send, asked } = await start();
    const value = fc.string({ unit: fc.constantFrom(...'v1=0aZ:-+. T/%"'), minLength: 1, maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(value, value, value, async (timestamp, nonce, signature) => {
        const answer = await send({
          'x-reqrun-timestamp': timestamp,
          'x-reqrun-nonce': nonce,
          'x-reqrun-signature': signature,
        });
        expect(answer.status).toBe(401);
      }),
      { numRuns: 200 },
    );
    expect(asked).toEqual([]);
  });
});

describe('what is kept of a signing secret', () => {
  it('is neither the secret nor anything the file alone could be turned into it with', () => {
    const kept = JSON.stringify(made.file);
    expect(secret).toMatch(/^reqrun_sign_[0-9A-Za-z]{49}$/);
    expect(kept).not.toContain(secret.slice(12, 30));
    expect(Buffer.from(made.file.keys[0]?.signing ?? '', 'base64').toString('latin1')).not.toContain(secret);
    expect(kept).not.toContain(key.slice(12, 30));
  });
});

describe('the nonces of a process', () => {
  it('are bounded: beyond, a call is refused rather than a nonce forgotten', () => {
    const nonces = createNonces(2);
    const when = { untilMs: 60_000, nowMs: 0 };
    expect(['a', 'b', 'c', 'a'].map((nonce) => nonces.take('key', nonce, when))).toEqual([
      'taken',
      'taken',
      'full',
      'used',
    ]);
    // Nobody else's: a busy key shuts out no other.
    expect(nonces.take('other', 'a', when)).toBe('taken');
    expect(nonces.take('key', 'c', { untilMs: 200_000, nowMs: 60_001 })).toBe('taken');
  });

  it('are each key’s own', () => {
    const nonces = createNonces();
    const when = { untilMs: 60_000, nowMs: 0 };
    expect([nonces.take('key_1', 'a', when), nonces.take('key_2', 'a', when)]).toEqual(['taken', 'taken']);
  });
});
