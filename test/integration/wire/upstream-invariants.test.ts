/** What holds for whatever an upstream answers: any status, headers, body and encoding, cut at any byte. */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type DrivenRequest, bytes, driveRequest, OK } from '../../support/drive-request.ts';

const BODIES: Readonly<Record<string, string>> = {
  ok: OK,
  brokenOff: OK.replace('"stop"', '"network_error"'),
  nonFinite: OK.replace('{"id"', '{"a":NaN,"id"'),
  notUtf8: OK.replace('pong', '\u00ff'),
  malformed: OK.slice(0, -3),
  empty: '',
  blank: '\n\n',
  page: '<html>overloaded</html>',
  envoy: 'upstream connect error or disconnect/reset before headers. reset reason: connection termination',
  overloaded: '{"error":{"message":"The engine is currently overloaded","type":"server_error"}}',
  rate: '{"error":{"message":"x","type":"tokens","code":"rate_limit_exceeded"}}',
  billing: '{"error":{"message":"x","type":"insufficient_quota","code":"429"}}',
  flagged: '{"error":{"code":403,"message":"x","metadata":{"reasons":["violence"],"flagged_input":"a"}}}',
  output: '{"error":{"message":"x","failed_generation":"half"}}',
  loc: '{"detail":[{"loc":["body","n"],"type":"missing"}]}',
  list: '[{"error":{"code":"c","message":"x"}}]',
};

const ENCODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  identity: (body) => body,
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
};

const answers = fc.record({
  status: fc.constantFrom(
    200,
    201,
    202,
    301,
    302,
    400,
    401,
    403,
    404,
    409,
    422,
    429,
    498,
    500,
    502,
    503,
    504,
    524,
    529,
    530,
  ),
  body: fc.constantFrom(...Object.keys(BODIES)),
  label: fc.constantFrom(...Object.keys(ENCODERS)),
  encoder: fc.constantFrom(...Object.keys(ENCODERS)),
  isLabelTrue: fc.boolean(),
  framing: fc.constantFrom('length', 'chunked', 'close'),
  toldSeconds: fc.option(fc.integer({ min: 0, max: 90 })),
  isReset: fc.boolean(),
  interim: fc.boolean(),
  cut: fc.option(fc.double({ min: 0, max: 0.999, noNaN: true })),
});
type Answer = typeof answers extends fc.Arbitrary<infer Value> ? Value : never;

function toBytes({
  status,
  body,
  label,
  encoder,
  isLabelTrue,
  framing,
  toldSeconds,
  isReset,
  interim,
  cut,
}: Answer): Buffer {
  const encode = ENCODERS[isLabelTrue ? label : encoder] ?? Buffer.from;
  const encoded = encode(Buffer.from(BODIES[body] ?? '', 'latin1'));
  const told = isReset ? `x-ratelimit-reset-requests: ${toldSeconds}s` : `retry-after: ${toldSeconds}`;
  const head = [
    ...(interim ? ['HTTP/1.1 100 Continue', ''] : []),
    `HTTP/1.1 ${status} x`,
    'content-type: application/json',
    ...(label === 'identity' ? [] : [`content-encoding: ${label}`]),
    ...(toldSeconds === null ? [] : [told]),
    ...(framing === 'length' ? [`content-length: ${encoded.length}`] : []),
    ...(framing === 'chunked' ? ['transfer-encoding: chunked'] : []),
    'connection: close',
    '',
    '',
  ].join('\r\n');
  const chunk = encoded.length === 0 ? [] : [`${encoded.length.toString(16)}\r\n`, encoded, '\r\n'];
  const framed = framing === 'chunked' ? [...chunk, '0\r\n\r\n'] : [encoded];
  const whole = Buffer.concat([head, ...framed].map((part) => Buffer.from(part)));
  return whole.subarray(0, cut === null ? whole.length : Math.floor(whole.length * cut));
}

/** By the status and the body that was meant; a cut one proves nothing of what it was to say. */
function hasProof({ status, body, cut }: Answer): boolean {
  const isWords = ['overloaded', 'rate', 'billing', 'flagged', 'loc', 'list', 'output'].includes(body);
  if (status === 429) return true;
  if (status === 503) return body === 'overloaded' && (cut === null || cut > 0);
  const isJson = isWords || ['ok', 'nonFinite', 'notUtf8', 'brokenOff'].includes(body);
  // Their statuses are documented; only a text that is no JSON takes the proof away.
  if (status === 498 || status === 529) return isJson || ['empty', 'blank'].includes(body) || cut !== null;
  return status === 409 && isJson;
}

function check(answer: Answer, driven: DrivenRequest, underFail: DrivenRequest): void {
  const { status, body, cut, toldSeconds, isReset, framing } = answer;
  for (const { failures, error } of [driven, underFail]) {
    for (const failure of failures) {
      if (failure.outcome === 'not_run') {
        expect(hasProof(answer), 'not_run only with a proof').toBe(true);
        expect(failure.billed).toBe('no');
      }
    }
    const seen = failures.at(-1)?.upstreamStatus ?? null;
    if (error !== null && seen !== null) expect(error.message).toContain(String(seen));
  }
  const isUnknown = ['unknown', 'lost'].includes(underFail.failures[0]?.outcome ?? '');
  if (isUnknown) expect(underFail.hits, 'nothing is repeated after unknown under fail').toBe(1);
  const saysLater = body === 'blank' || body === 'brokenOff' || body === 'overloaded' || body === 'rate';
  if (status < 300 && cut === null && !saysLater) {
    expect(driven.hits, 'a whole answer is called for twice at most').toBeLessThanOrEqual(2);
  }
  const isWhole = cut === null && answer.isLabelTrue;
  if (status < 300 && isWhole && ['ok', 'nonFinite', 'notUtf8'].includes(body)) {
    expect(driven).toMatchObject({ hits: 1, completed: BODIES[body] });
  }
  if (toldSeconds !== null && (!isReset || status === 429) && (cut === null || framing === 'chunked')) {
    const wasSeen = driven.failures.every(({ retryAfterMs }) => retryAfterMs !== null);
    if (cut === null && !isReset && driven.failures.length > 0 && toldSeconds > 0) expect(wasSeen).toBe(true);
    if (wasSeen)
      for (const delay of driven.delaysMs) expect(delay).toBeGreaterThanOrEqual(toldSeconds * 1000);
  }
}

/** Whole answers that say nothing, under the label of each other encoding: a byte or two of them. */
const EMPTY_UNDER_ANOTHER_LABEL = Object.keys(ENCODERS).flatMap((label) =>
  Object.keys(ENCODERS).map((encoder): [Answer] => [
    {
      status: 200,
      body: 'empty',
      label,
      encoder,
      isLabelTrue: false,
      framing: 'length',
      toldSeconds: null,
      isReset: false,
      interim: false,
      cut: null,
    },
  ]),
);

it('holds for any answer', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(answers, async (answer) => {
      const act = bytes(toBytes(answer));
      const driven = await driveRequest([act], { maxCalls: 4 });
      const underFail = await driveRequest([act], { maxCalls: 2, options: { on_unknown_outcome: 'fail' } });
      check(answer, driven, underFail);
    }),
    { numRuns: 200 + EMPTY_UNDER_ANOTHER_LABEL.length, examples: EMPTY_UNDER_ANOTHER_LABEL },
  );
});
