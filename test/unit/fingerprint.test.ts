/** What "the same request" means. Running deployments hold fingerprints: the pinned ones never change. */
import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../src/http/routes/new-request.ts';
import { parseBody } from '../../src/http/body/json-body.ts';

const MESSAGES = '"messages":[{"role":"user","content":"hi"}]';
const of = (members: string): string =>
  fingerprint('chat.completions', parseBody(Buffer.from(`{"model":"m",${MESSAGES}${members}}`)));

const PINNED = [
  ['no number', '', '5ce2a25878429f4f4268a703402e1d1d25159d635685daa067bdaebe3b6ebf53'],
  [
    'integers',
    ',"seed":42,"n":1,"x":[0,-7,9007199254740991,-9007199254740991]',
    'cb806144660178d99b3db546c6dcc50d7e241d81025db9a26509823aa52fcf43',
  ],
  [
    'fractions',
    ',"temperature":0.7,"top_p":1e-7,"x":[0.1,5e-324,123456.789,-2.5]',
    'fd4033991bc5e2a0d3f244d8f55f897da51018afe3926b82760170f131790849',
  ],
  [
    'doubles from 1e21',
    ',"x":[1e21,1.7976931348623157E+308,-1e300]',
    'ce2c8368c726304f59184e375c65bbab603f025e0d3cf669284ee1e5e928e111',
  ],
  [
    'names and text',
    ',"é":"ü\\u0000","toString":{"b":null,"a":[true,false,{}]},"":[]',
    'c2218bb2c938c44f871d320680972bfd00e2bc2279cd201db6e12abd61835935',
  ],
] as const;

describe('a fingerprint', () => {
  it.each(PINNED)('of a body with %s stays as it was', (_what, members, pinned) => {
    expect(of(members)).toBe(pinned);
  });

  it('is the same however a safe number is written', () => {
    for (const literal of ['1', '1.0', '1e0', '10e-1', '0.1E+1']) {
      expect(of(`,"seed":${literal}`)).toBe(of(',"seed":1'));
    }
    for (const literal of ['-0', '0.0', '-0e5', '0e400']) {
      expect(of(`,"seed":${literal}`)).toBe(of(',"seed":0'));
    }
  });

  it('differs for numbers that a double takes for the same', () => {
    const literals = [
      ...['9007199254740992', '9007199254740993', '9007199254740993.0', '9007199254740993e0'],
      ...['9223372036854775807', '9223372036854775806', '18446744073709551615', '18446744073709551616'],
      ...[
        '-9007199254740993',
        '1'.repeat(400),
        '1'.repeat(401),
        '"9007199254740993"',
        '{"a":9007199254740993}',
      ],
    ];
    expect(new Set(literals.map((literal) => of(`,"x":${literal}`))).size).toBe(literals.length);
    expect(of(',"x":[9007199254740993,1]')).not.toBe(of(',"x":[1,9007199254740993]'));
    expect(of(', "x" : [ 9007199254740993 ],"y":1')).toBe(of(',"y":1.0,"x":[9007199254740993]'));
  });

  it('is not changed by numbers for ReqRun itself', () => {
    expect(of(',"wait":12345678901234567890')).toBe(of(''));
  });
});
