import { bad, CANARY, getText, postFields, type BadInput } from './bad-input.ts';

const refused = [400, 'invalid_idempotency_key', 'idempotency_key'] as const;
const wrongType = [400, 'invalid_type', 'idempotency_key'] as const;
const unknown = [404, 'request_not_found'] as const;

const inHeader = (...keys: string[]): Buffer =>
  postFields(
    {},
    keys.map((key) => `Idempotency-Key: ${key}`),
  );
const inBody = (key: unknown): Buffer => postFields({ idempotency_key: key });
/** More headers than Node keeps by default; what it drops, nobody would see. */
const CROWD = Array<string>(2_100).fill('a:');

/** Keys that no request can have, and ids of no request. */
export const KEY_ROWS: readonly BadInput[] = [
  bad(69, 'an empty header', inHeader(''), refused),
  bad(69, 'an empty quoted header', inHeader('""'), refused),
  bad(69, 'an empty key in the body', inBody(''), refused),
  bad(70, 'a header of spaces', inHeader('   '), refused),
  bad(70, 'a space in the header', inHeader(`${CANARY} b`), refused),
  bad(70, 'a tab in the header', inHeader(`${CANARY}\tb`), refused),
  bad(70, 'a space in the body', inBody(`${CANARY} b`), refused),
  bad(70, 'a space alone in the body', inBody(' '), refused),
  bad(71, '256 characters in the header', inHeader('x'.repeat(256)), refused),
  bad(71, '256 characters in the body', inBody('x'.repeat(256)), refused),
  bad(72, 'a key of 20 kB in the header', inHeader(CANARY.repeat(1_400)), [431, 'headers_too_large']),
  bad(72, 'a key of 20 kB in the body', inBody(CANARY.repeat(1_400)), refused),
  bad(73, 'UTF-8 in the header', inHeader(Buffer.from(`${CANARY}é`).toString('latin1')), refused),
  ...['\u00e9', 'e\u0301', '\u{1f600}', 'a\u200bb', '\u202eabc', 'ключ', 'a\u0000b', 'a\u007fb'].map((key) =>
    bad(
      74,
      `${JSON.stringify(key).replace(/[^ -~]/g, (c) => `U+${c.charCodeAt(0).toString(16)}`)} in the body`,
      inBody(key),
      refused,
    ),
  ),
  bad(75, 'two headers', inHeader(CANARY, CANARY), [400, 'duplicate_header', 'Idempotency-Key']),
  bad(
    75,
    'two headers with 2,100 others between them',
    postFields({}, [`Idempotency-Key: ${CANARY}`, ...CROWD, `Idempotency-Key: ${CANARY}`]),
    [400, 'duplicate_header', 'Idempotency-Key'],
  ),
  bad(
    76,
    'a header that differs from the body',
    postFields({ idempotency_key: 'another' }, [`Idempotency-Key: ${CANARY}`]),
    [400, 'idempotency_key_conflict', 'idempotency_key'],
  ),
  ...[5, {}, [], null, true].map((key) =>
    bad(77, `${JSON.stringify(key)} instead of text`, inBody(key), wrongType),
  ),
  ...['.', '..'].map((key) => bad(78, `${key} alone, which is no name in a path`, inBody(key), refused)),
  ...['rr_', '@', '@project/'].map((prefix) =>
    bad(83, `${prefix} at the beginning, as only names of our own have`, inBody(prefix + CANARY), refused),
  ),
  ...['%00', '%0a', '%20', '%C3%A9', '%40other%2F'].map((escape) =>
    bad(
      85,
      `the id ${escape}..., which no request can have`,
      getText(`/v1/requests/${escape}${CANARY}`),
      unknown,
    ),
  ),
  bad(85, 'an id of 256 characters', getText(`/v1/requests/${'x'.repeat(256)}`), unknown),
  bad(85, 'an id that climbs out of its path', getText(`/v1/requests/..%2f..%2fetc%2f${CANARY}`), unknown),
  bad(87, 'an id that nobody gave', getText(`/v1/requests/${CANARY}`), unknown),
];
