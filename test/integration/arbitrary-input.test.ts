/**
 * Whatever is sent is answered in HTTP and in our words: never a 5xx, never a hang, no call for what is refused,
 * and the sent text for what is accepted. `NUM_RUNS` says how often; `SEED` repeats what a failure printed.
 */
import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import { ERROR_CATALOGUE } from '../../src/domain/error-catalogue.ts';
import { chooseSeed } from '../faults/prng.ts';
import { errorOf, get, post, unique, type Answer } from '../support/api.ts';
import { body, RUN } from '../support/arbitrary/bodies.ts';
import { jsonText } from '../support/arbitrary/json-text.ts';
import { damaged, headerLines, method, noise, target } from '../support/arbitrary/wire.ts';
import { HOST, http, JSON_TYPE, postText } from '../support/bad-input/bad-input.ts';
import { exchange } from '../support/raw-http.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const numRuns = Number(process.env['NUM_RUNS'] ?? 200);
const parameters = { numRuns, seed: chooseSeed() };
const TIMEOUT_MS = 60_000 + numRuns * 1_000;
const { upstream, url } = await useDeployment();
const OWN = new Set(['wait', 'idempotency_key', 'reqrun']);

const CONTENT_TYPE = /^(application\/json|text\/event-stream)/;
/** What a streamed call adds to the text that was sent. */
const ADDED = '"stream_options":{"include_usage":true},';

let run = 0;
let accepted = 0;

/** What holds for every answer. */
async function check(answer: Answer | null): Promise<void> {
  if (answer !== null) {
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-type') ?? 'application/json').toMatch(CONTENT_TYPE);
  }
  if (answer !== null && answer.status >= 400 && answer.text !== '') {
    expect(Object.keys(ERROR_CATALOGUE)).toContain(errorOf(answer).code);
    expect(answer.headers.get('x-should-retry')).toBe('false');
  }
  expect((await get(url, '/healthz')).status).toBe(200);
}

/** What holds for every chat completion: calls are of accepted ones only, with what was sent. */
async function checkCompletion(request: Buffer, sent: string, passedOn: string | null): Promise<void> {
  const before = upstream.calls();
  const answer = await exchange(url, request);
  if (answer === null) throw new Error('closed without an answer');
  await check(answer);
  if (answer.status >= 400) return void expect(upstream.calls()).toBe(before);
  accepted += 1;
  await until(upstream.calls, (calls) => calls === before + 1);
  const { model, ...fields } = JSON.parse(sent);
  const received = (upstream.hits(model).at(-1)?.body ?? '').replace(ADDED, '');
  if (passedOn !== null) return void expect(received).toBe(passedOn);
  const kept = Object.fromEntries(Object.entries(fields).filter(([name]) => !OWN.has(name)));
  expect(isDeepStrictEqual(JSON.parse(received), { model, ...kept })).toBe(true);
}

const numbered = (text: string, of: number): string => text.replaceAll(RUN, String(of));

/** One test of a property. */
function always<T>(title: string, cases: fc.Arbitrary<T>, holds: (one: T) => Promise<void>): void {
  it(title, () => fc.assert(fc.asyncProperty(cases, holds), parameters), TIMEOUT_MS);
}

always(
  'sends on the text of what it accepts, and calls nobody for what it refuses',
  body,
  async ({ sent, passedOn }) => {
    run += 1;
    await checkCompletion(postText(numbered(sent, run)), numbered(sent, run), numbered(passedOn, run));
  },
);

it('accepts a good part of it: else the property would hold for want of cases', () => {
  expect(accepted).toBeGreaterThan(numRuns / 5);
});

const damagedBody = body.chain(({ sent }) => damaged(Buffer.from(sent)));
always('reads a damaged body as what it is, or not at all', damagedBody, async (bytes) => {
  run += 1;
  const sent = Buffer.from(numbered(bytes.toString('latin1'), run), 'latin1');
  await checkCompletion(postText(sent), sent.toString(), null);
});

always('takes any JSON value in place of a body, and answers it', jsonText, async (text) => {
  const before = upstream.calls();
  const answer = await exchange(url, postText(text));
  expect(answer?.status).toBeGreaterThanOrEqual(400);
  await check(answer);
  expect(upstream.calls()).toBe(before);
});

always('takes any header beside a good body, and answers it', headerLines, async (headers) => {
  const before = upstream.calls();
  run += 1;
  const text = `{"model":"m${run}","messages":[{"role":"user"}]}`;
  const answer = await exchange(url, postText(text, [JSON_TYPE, ...headers, 'Connection: close']));
  await check(answer);
  if (answer === null || answer.status >= 400) return void expect(upstream.calls()).toBe(before);
  if (answer.headers.get('idempotent-replayed') === 'true') return;
  accepted += 1;
  await until(upstream.calls, (calls) => calls === before + 1);
  expect(upstream.hits(`m${run}`).map((hit) => hit.body)).toEqual([text]);
});

const requestLine = fc.tuple(method, target, fc.option(jsonText));
always('takes any method and target, and answers it', requestLine, async ([verb, path, text]) => {
  const lines = [`${verb} ${path} HTTP/1.1`, HOST, 'Connection: close'];
  const content = text === null ? [] : [JSON_TYPE, `Content-Length: ${Buffer.byteLength(text)}`];
  await check(await exchange(url, http([...lines, ...content], text ?? '')));
});

always('takes any bytes, and goes on', noise, async (bytes) => {
  await check(await exchange(url, bytes, { endAfterRequest: true }));
});

it('has called the upstream for what was accepted, and for nothing else', async () => {
  const model = unique('after');
  expect((await post(url, { model, wait: 20 })).status).toBe(200);
  expect(upstream.calls()).toBe(accepted + 1);
});
