/** What the store is given of a call: its name, its key, its options, and the text that is sent upstream. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { RequestOptions, withStreamTimeouts } from '../../src/domain/options.ts';
import type { Operation } from '../../src/domain/operations.ts';
import { NO_CAPS, type OptionCaps, plainProject } from '../../src/domain/project.ts';
import { NamedBy, type NewRequest } from '../../src/domain/requests.ts';
import type { SignedRequest } from '../../src/http/access/request-signatures.ts';
import { parseBody } from '../../src/http/body/json-body.ts';
import { fingerprint, readIdempotencyKey, toNewRequest } from '../../src/http/routes/new-request.ts';
import { OPERATION_SCHEMAS } from '../../src/http/routes/schemas.ts';

const HEADER = 'Idempotency-Key';
const BASE = '{"model":"m","messages":[{"role":"user","content":"hi"}]}';

/** A received request with these Idempotency-Key headers. */
function received(...keys: readonly string[]): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.headersDistinct = keys.length === 0 ? {} : { 'idempotency-key': [...keys] };
  return request;
}

interface Call {
  readonly key?: string;
  readonly signed?: SignedRequest;
  readonly caps?: Partial<OptionCaps>;
}

const RECEIVED_AT = '2026-11-26T10:00:00.000Z';

function made(text: string, { key, signed, caps = {} }: Call = {}): NewRequest {
  const jsonBody = parseBody(Buffer.from(text));
  const project = plainProject('billing');
  return toNewRequest({
    operation: 'chat.completions',
    key: key ?? null,
    signed: signed ?? null,
    body: OPERATION_SCHEMAS['chat.completions'].body.parse(jsonBody.value),
    jsonBody,
    project: { ...project, limits: { ...project.limits, caps: { ...NO_CAPS, ...caps } } },
    stream: false,
    receivedAtMs: Date.parse(RECEIVED_AT),
  });
}

const sentUpstream = (text: string): string => Buffer.from(made(text).body.bytes).toString();
const inBilling = { project: 'billing', isSigned: false };
const signedBy = (byte: number): SignedRequest => ({
  digest: new Uint8Array(32).fill(byte),
  verifyUnlessDone: () => undefined,
});

describe('the idempotency key of a call', () => {
  it.each([
    ['no header and no member', [], undefined, null],
    ['the header', ['a-key'], undefined, 'a-key'],
    ['the member', [], 'a-key', 'a-key'],
    ['both, where they are the same', ['a-key'], 'a-key', 'a-key'],
    ['a quoted header, without its quotes', ['"a-key"'], undefined, 'a-key'],
    ['a quoted header and the same bare member', ['"a-key"'], 'a-key', 'a-key'],
    ['an escaped quote', [String.raw`"a\"key"`], undefined, 'a"key'],
    ['an escaped backslash', [String.raw`"a\\key"`], undefined, String.raw`a\key`],
    [
      'another escape as it stands, because RFC 8941 knows none',
      [String.raw`"a\key"`],
      undefined,
      String.raw`"a\key"`,
    ],
    ['a quote that is not closed as it stands', ['"a-key'], undefined, '"a-key'],
    ['a quote in the middle as it stands', ['a"key"'], undefined, 'a"key"'],
    ['quotes in the member as they stand', [], '"a-key"', '"a-key"'],
    ['a name that only begins like an id of ours', ['rr-mine'], undefined, 'rr-mine'],
    ['the longest key of this project', ['k'.repeat(246)], undefined, 'k'.repeat(246)],
  ] as const)('is read from %s', (_what, headers, fromBody, key) => {
    expect(readIdempotencyKey(received(...headers), fromBody, inBilling)).toBe(key);
  });

  it.each([
    ['an empty header', [''], undefined],
    ['an empty quoted header', ['""'], undefined],
    ['an empty member', [], ''],
    ['a space within', ['a key'], undefined],
    ['a list of two', ['"a", "b"'], undefined],
    ['letters beyond ASCII', [], 'clé'],
    ['a control character', [], 'a\u0000b'],
    ['@ at its beginning, which begins names of other projects', ['@other/key'], undefined],
    ['rr_ at its beginning, which begins ids of ours', [], 'rr_mine'],
    ['a dot alone, which is no path', ['.'], undefined],
    ['two dots alone', [], '..'],
    ['one character more than the project leaves room for', ['k'.repeat(247)], undefined],
    ['a good header beside a bad member', ['a-key'], 'a key'],
    ['a bad header beside a good member', ['a key'], 'a-key'],
  ] as const)('is refused for %s', (_what, headers, fromBody) => {
    expect(() => readIdempotencyKey(received(...headers), fromBody, inBilling)).toThrow(
      expect.objectContaining({ code: 'invalid_idempotency_key', param: 'idempotency_key' }),
    );
  });

  it('is refused if header and member differ, because either may be the intended one', () => {
    expect(() => readIdempotencyKey(received('one'), 'two', inBilling)).toThrow(
      expect.objectContaining({ code: 'idempotency_key_conflict', param: 'idempotency_key' }),
    );
  });

  it('is refused where the header stands twice, also with the same value', () => {
    expect(() => readIdempotencyKey(received('one', 'one'), undefined, inBilling)).toThrow(
      expect.objectContaining({ code: 'duplicate_header', param: HEADER }),
    );
  });

  it('of a signed call comes from the member alone, because headers are not signed', () => {
    const signed = { project: 'billing', isSigned: true };
    expect(readIdempotencyKey(received(), 'mine', signed)).toBe('mine');
    expect(readIdempotencyKey(received(), undefined, signed)).toBe(null);
    for (const fromBody of ['mine', undefined]) {
      expect(() => readIdempotencyKey(received('mine'), fromBody, signed)).toThrow(
        expect.objectContaining({ code: 'idempotency_key_not_signed', param: HEADER }),
      );
    }
  });
});

describe('the name of a request', () => {
  it('is its key, also where the call is signed', () => {
    expect(made(BASE, { key: 'mine' })).toMatchObject({ id: 'mine', namedBy: NamedBy.key });
    expect(made(BASE, { key: 'mine', signed: signedBy(1) })).toMatchObject({ id: 'mine', namedBy: 'key' });
  });

  it('is a new one for each call without a key', () => {
    const calls = [made(BASE), made(BASE)];
    for (const { id, namedBy } of calls) {
      expect(id).toMatch(/^rr_[a-z2-7]{32}$/);
      expect(namedBy).toBe(NamedBy.chance);
    }
    expect(calls[0]?.id).not.toBe(calls[1]?.id);
  });

  it('comes from the nonce of a signed call without a key, so that a replay names the same request', () => {
    const [first, replay, other] = [1, 1, 2].map((byte) => made(BASE, { signed: signedBy(byte) }));
    expect(first).toMatchObject({ id: expect.stringMatching(/^rr_[a-z2-7]{32}$/), namedBy: NamedBy.nonce });
    expect(replay?.id).toBe(first?.id);
    expect(other?.id).not.toBe(first?.id);
  });

  it('of a nonce depends on the first 160 bits of the digest, and on each of them', () => {
    const digest = (index: number): SignedRequest => {
      const bytes = new Uint8Array(32);
      if (index >= 0) bytes[index] = 1;
      return { ...signedBy(0), digest: bytes };
    };
    const idOf = (index: number): string => made(BASE, { signed: digest(index) }).id;
    const ids = Array.from({ length: 20 }, (_none, index) => idOf(index));
    expect(new Set([...ids, idOf(-1)]).size).toBe(21);
    expect(idOf(20)).toBe(idOf(-1));
  });
});

describe('the text that is sent upstream', () => {
  it.each([
    ['a body without members of ours', BASE, BASE],
    [
      'a member of ours at the beginning',
      '{"wait":5,"model":"m","messages":[{"role":"user","content":"hi"}]}',
      BASE,
    ],
    [
      'a member of ours at the end',
      '{"model":"m","messages":[{"role":"user","content":"hi"}],"wait":true}',
      BASE,
    ],
    [
      'a member of ours in the middle',
      '{"model":"m","idempotency_key":"k","messages":[{"role":"user","content":"hi"}]}',
      BASE,
    ],
    [
      'all three of them',
      '{"wait":1,"model":"m","reqrun":{"priority":1},"messages":[{"role":"user","content":"hi"}],"idempotency_key":"k"}',
      BASE,
    ],
    [
      'a name of ours that is written with an escape',
      String.raw`{"w\u0061it":1,"model":"m","messages":[{"role":"user","content":"hi"}]}`,
      BASE,
    ],
    [
      'spacing, numbers and escapes, each as it was written',
      '{ "model" : "m" ,\n "messages":[{"role":"user","content":"h\\u0069 é"}], "seed":9223372036854775807, "temperature":1.0 }',
      '{ "model" : "m" ,\n "messages":[{"role":"user","content":"h\\u0069 é"}], "seed":9223372036854775807, "temperature":1.0 }',
    ],
    [
      'spacing around a member of ours, which goes with it',
      '{ "model":"m" , "wait" : 1 , "messages":[{"role":"user","content":"hi"}] }',
      '{ "model":"m","messages":[{"role":"user","content":"hi"}] }',
    ],
    [
      'names of ours deeper down, which are the upstream’s',
      '{"model":"m","messages":[{"role":"user","content":"hi"}],"metadata":{"wait":"1","reqrun":"x"}}',
      '{"model":"m","messages":[{"role":"user","content":"hi"}],"metadata":{"wait":"1","reqrun":"x"}}',
    ],
    [
      'a longer name, which is not ours',
      '{"model":"m","messages":[{"role":"user","content":"hi"}],"waiting":1}',
      '{"model":"m","messages":[{"role":"user","content":"hi"}],"waiting":1}',
    ],
  ])('is, of %s, what is not for ReqRun itself', (_what, text, upstream) => {
    expect(sentUpstream(text)).toBe(upstream);
  });

  it('has the fingerprint of the call, which members of ours do not change', () => {
    const ours = BASE.replace('{', '{"wait":1,"idempotency_key":"k","reqrun":{"priority":1},');
    expect(made(ours).fingerprint).toBe(made(BASE).fingerprint);
    expect(made(BASE).fingerprint).toBe(fingerprint('chat.completions', parseBody(Buffer.from(BASE))));
    expect(made(BASE.replace('"m"', '"n"'))).toMatchObject({
      model: 'n',
      operation: 'chat.completions',
      fingerprint: expect.not.stringMatching(made(BASE).fingerprint),
    });
  });
});

describe('the members that only say how an answer is delivered', () => {
  const of = (operation: Operation, body: object): string =>
    fingerprint(operation, parseBody(Buffer.from(JSON.stringify(body))));

  it.each<[Operation, object]>([
    ['chat.completions', { stream: false }],
    ['chat.completions', { stream: true, stream_options: { include_usage: true } }],
    ['completions', { stream: true }],
    ['images.generations', { stream: false }],
  ])('do not change a request of %s: %j', (operation, delivery) => {
    expect(of(operation, { model: 'm', ...delivery })).toBe(of(operation, { model: 'm' }));
  });

  it.each<[Operation, object]>([
    ['embeddings', { stream: true }],
    ['images.generations', { background: 'transparent' }],
  ])('of other operations are a part of a request of %s: %j', (operation, member) => {
    expect(of(operation, { model: 'm', ...member })).not.toBe(of(operation, { model: 'm' }));
  });
});

describe('the times of streams', () => {
  it("are the project's where the call names none", () => {
    const project = {
      streamTimeouts: { first_event_timeout_seconds: 5, silence_timeout_seconds: null },
    };
    const options = RequestOptions.parse({ silence_timeout_seconds: 7 });
    expect(withStreamTimeouts(options, project)).toMatchObject({
      first_event_timeout_seconds: 5,
      silence_timeout_seconds: 7,
    });
    const named = RequestOptions.parse({ first_event_timeout_seconds: 9 });
    expect(withStreamTimeouts(named, project)).toMatchObject({ first_event_timeout_seconds: 9 });
  });
});

describe('the options of a request', () => {
  const options = (reqrun: object | null, caps: Partial<OptionCaps> = {}): RequestOptions =>
    made(reqrun === null ? BASE : BASE.replace('{', `{"reqrun":${JSON.stringify(reqrun)},`), { caps })
      .options;
  const DEFAULTS = RequestOptions.parse({});

  it.each<[string, object | null, Partial<OptionCaps>, Partial<RequestOptions>]>([
    ['are the defaults where the call says nothing', null, {}, {}],
    ['are the defaults where it says an empty object', {}, {}, {}],
    ['are what it says, and the defaults beside', { priority: 1 }, {}, { priority: 1 }],
    ['have a default lowered to the cap', null, { deadline_seconds: 60 }, { deadline_seconds: 60 }],
    [
      'have a default lowered beside what was said',
      { priority: 1 },
      { deadline_seconds: 60 },
      { priority: 1, deadline_seconds: 60 },
    ],
    ['have a default below the cap', null, { deadline_seconds: 7_200 }, {}],
    [
      'have the cap for no limit on attempts',
      { max_attempts: null },
      { max_attempts: 5 },
      { max_attempts: 5 },
    ],
    ['have what is within the cap', { max_attempts: 5 }, { max_attempts: 5 }, { max_attempts: 5 }],
  ])('%s', (_what, reqrun, caps, expected) => {
    expect(options(reqrun, caps)).toEqual({ ...DEFAULTS, ...expected });
  });

  it.each<[string, string | number | null, string | null]>([
    ['null', null, null],
    ['0', 0, null],
    ['the time of the call', RECEIVED_AT, null],
    ['a time in the past', '2020-02-29T00:00:00Z', null],
    ['a part of a second', 0.25, '2026-11-26T10:00:00.250Z'],
    ['30 days in seconds', 2_592_000, '2026-12-26T10:00:00.000Z'],
    ['a time 30 days ahead', '2026-12-26T10:00:00.000Z', '2026-12-26T10:00:00.000Z'],
    ['a time in UTC', '2026-11-26T10:00:05Z', '2026-11-26T10:00:05.000Z'],
    ['a time with another offset', '2026-11-26T20:30:05.5+10:30', '2026-11-26T10:00:05.500Z'],
  ])('have a run_at of %s as an absolute time, or null for at once', (_what, run_at, expected) => {
    expect(options({ run_at }).run_at).toBe(expected);
  });

  it.each([
    ['more than 30 days ahead', '2026-12-26T10:00:00.001Z'],
    ['the last time that can be written', '9999-12-31T23:59:59Z'],
  ])('are refused for a run_at that is %s', (_what, run_at) => {
    expect(() => options({ run_at })).toThrow(
      expect.objectContaining({ code: 'invalid_value', param: 'reqrun.run_at' }),
    );
  });

  it.each([
    [{ deadline_seconds: 61 }, { deadline_seconds: 60 }, 'reqrun.deadline_seconds'],
    // The default, said by the caller: what was asked for is never changed behind its back.
    [{ deadline_seconds: 3_600 }, { deadline_seconds: 60 }, 'reqrun.deadline_seconds'],
    [{ max_attempts: 6 }, { max_attempts: 5 }, 'reqrun.max_attempts'],
  ])('are refused beyond the cap where the call asked for them: %j', (reqrun, caps, param) => {
    expect(() => options(reqrun, caps)).toThrow(expect.objectContaining({ code: 'invalid_value', param }));
  });
});
