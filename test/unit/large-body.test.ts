/** A large body is read in a thread. What comes out must be what the usual path makes of the same text. */
import canonicalize from 'canonicalize';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Refusal } from '../../src/domain/refusal.ts';
import { hashCanonical } from '../../src/http/body/canonical-hash.ts';
import { createBodyReader } from '../../src/http/body/body-reader.ts';
import { parseBody } from '../../src/http/body/json-body.ts';
import { readLargeBody } from '../../src/http/body/large-body.ts';
import { cutMembers } from '../../src/http/body/json-body.ts';
import { fingerprint, ownMembersOf } from '../../src/http/routes/new-request.ts';

const canonicalHash = (value: unknown): string => {
  const hash = createHash('sha256');
  hashCanonical(hash, value);
  return hash.digest('hex');
};
const sha = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');

describe('the canonical hash', () => {
  it('is the hash of the canonical JSON of RFC 8785', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary', noUnicodeString: false }), (value) => {
        expect(canonicalHash(value)).toBe(sha(canonicalize(value) ?? ''));
      }),
    );
  });

  it('is the same for long strings, which are hashed in pieces that split no character', () => {
    for (const text of ['😀'.repeat(70_000), `x${'😀'.repeat(70_000)}`, '"\n\u0001é'.repeat(50_000)]) {
      expect(canonicalHash({ text, at: [text] })).toBe(sha(canonicalize({ text, at: [text] }) ?? ''));
    }
  });
});

const LARGE = 'é😀x'.repeat(100_000);
const MESSAGES = `"messages":[{"role":"user","content":"${LARGE}"}]`;
const TEXTS = [
  `{"model":"m",${MESSAGES}}`,
  `{ "wait" : 5, "model":"m" ,\n${MESSAGES} , "idempotency_key":"k","seed":9223372036854775807 }`,
  `{${MESSAGES},"reqrun":{"max_attempts":2},"model":"m","wait":true}`,
  `{"model":"m","wait":false,"stream":true,"stream_options":{"include_usage":true},${MESSAGES}}`,
  `{"wait":1,"model":"m","messages":[{"role":"user","content":"${'x'.repeat(300_000)}"}],"idempotency_key":"k"}`,
];

describe('a large body', () => {
  const reader = createBodyReader();
  afterAll(() => reader.close());

  it.each(TEXTS)('is read in a thread as a small one is: %#', async (text) => {
    const usual = parseBody(Buffer.from(text));
    const large = await reader.read('chat.completions', Buffer.from(text), null);
    const sent = cutMembers(usual, ownMembersOf('chat.completions'));
    expect(Buffer.from(large.bytes).toString()).toBe(sent);
    expect(large.sha256).toBe(sha(sent));
    expect(large.fingerprint).toBe(fingerprint('chat.completions', usual));
    expect(large.given).toEqual(usual.value['reqrun']);
    const { messages: _left, reqrun, ...small } = usual.value;
    expect(large.members).toMatchObject(small);
    expect(Object.keys(large.members).sort()).toEqual(
      [...Object.keys(small), ...(reqrun === undefined ? [] : ['reqrun'])].sort(),
    );
  });

  it.each([
    [`{"model":"m","model":"m",${MESSAGES}}`, 'duplicate_field', null],
    [`{"model":"m",${MESSAGES}`, 'invalid_json', null],
    [`{"model":1,${MESSAGES}}`, 'invalid_type', 'model'],
    [`{"model":"m",${MESSAGES},"base_url":"x"}`, 'unknown_field', 'base_url'],
    [`{"model":"m",${MESSAGES},"x":"\\ud800"}`, 'invalid_unicode', null],
  ])('is refused as a small one is: %#', async (text, code, param) => {
    const refused: unknown = await reader
      .read('chat.completions', Buffer.from(text), null)
      .catch((error: unknown) => error);
    if (!(refused instanceof Refusal)) throw new Error('expected a refusal');
    expect([refused.code, refused.param]).toEqual([code, param]);
    expect(() => readLargeBody('chat.completions', Buffer.from(text))).toThrow(refused.message);
  });

  it('is verified by the hash of what was received, before anything else is said of it', async () => {
    const text = '{"model":';
    const hashes: string[] = [];
    const verify = (sha256: string): void => {
      hashes.push(sha256);
      throw new Refusal('invalid_signature');
    };
    await expect(reader.read('chat.completions', Buffer.from(text), verify)).rejects.toMatchObject({
      code: 'invalid_signature',
    });
    expect(hashes).toEqual([sha(text)]);
  });

  it('keeps an idempotency key of any length, so that it is refused and not ignored', async () => {
    const text = `{"model":"m",${MESSAGES},"idempotency_key":"${'k'.repeat(10_000)}"}`;
    const { members } = await reader.read('chat.completions', Buffer.from(text), null);
    expect(members['idempotency_key']).toHaveLength(10_000);
  });
});
