/** Which bodies of `/responses` are answers, and how one that is under way is followed within the same attempt. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createUpstream, type Upstream, type UpstreamAnswer } from '../../../src/upstream/client.ts';
import { unique } from '../../support/api.ts';
import {
  responseOf,
  startScriptedUpstream,
  type ScriptedUpstream,
  type Step,
} from '../../support/scripted-upstream.ts';

let scripted: ScriptedUpstream;
let upstream: Upstream;
beforeAll(async () => {
  scripted = await startScriptedUpstream();
  upstream = createUpstream({ baseURL: scripted.baseURL, apiKey: 'sk-test', maxResponseBytes: 100_000 });
});
afterAll(async () => {
  await upstream.close();
  await scripted.close();
});

async function call(
  model: string,
  step: Step,
  signal = AbortSignal.timeout(20_000),
): Promise<UpstreamAnswer> {
  scripted.script(model, step);
  const body = Buffer.from(JSON.stringify({ model, input: 'hi' }));
  return upstream.complete({ body, operation: 'responses', clientRequestId: 'rr/1', signal });
}

const answered = (fields: Record<string, unknown>): Step => ({ answer: 200, body: responseOf(fields) });
const failed = (code: string | null): Record<string, unknown> => ({
  status: 'failed',
  output: [],
  error: code === null ? null : { code, message: 'no' },
});

describe('a 200 of /responses', () => {
  it.each([
    ['completed', { status: 'completed' }],
    ['incomplete, because the caller judges where it stopped', { status: 'incomplete' }],
    ['without a status, where it has output', { status: undefined }],
    ['of a status that nobody knows, where it has output', { status: 'paused' }],
    ['with an output of nothing, because the model may have nothing to say', { output: [] }],
  ])('is an answer: %s', async (_what, fields) => {
    const answer = await call(unique('answer'), answered(fields));
    expect(answer).toMatchObject({
      kind: 'completed',
      facts: { upstream_response_id: 'resp_1', usage: { total_tokens: 15 } },
    });
  });

  it.each([
    ['server_error', failed('server_error'), 'upstream_error_in_body', 'twice'],
    ['rate_limit_exceeded', failed('rate_limit_exceeded'), 'upstream_error_in_body', 'always'],
    ['insufficient_quota', failed('insufficient_quota'), 'upstream_error_in_body', 'never'],
    ['invalid_prompt, which blames the request', failed('invalid_prompt'), 'upstream_error_in_body', 'never'],
    ['invalid_base64_image', failed('invalid_base64_image'), 'upstream_error_in_body', 'never'],
    ['no error', failed(null), 'upstream_error_in_body', 'always'],
    ['a cancellation by the provider', { status: 'cancelled' }, 'upstream_error_in_body', 'always'],
    [
      'a status under way, without an id',
      { status: 'queued', id: undefined },
      'upstream_incomplete',
      'twice',
    ],
    ['no output', { output: undefined }, 'upstream_invalid_response', 'twice'],
    ['neither status nor output', { status: undefined, output: [] }, 'upstream_invalid_response', 'twice'],
  ])('is no answer for %s', async (_what, fields, code, retry) => {
    expect(await call(unique('none'), answered(fields))).toMatchObject({
      kind: 'failed',
      failure: { code, retry },
    });
  });
});

describe('a Response that the upstream still works on (row 21b)', () => {
  const underWay = (id: string, status = 'queued'): Step => answered({ id, status, output: [] });
  const pathOf = (id: string): string => `/v1/responses/${id}`;

  it('is read until it has ended, and its last bytes are the result', async () => {
    const [model, id] = [unique('followed'), unique('resp')];
    const last = `{ "id":"${id}","status":"completed","output":[],"n":1e-7 }`;
    scripted.script(pathOf(id), underWay(id, 'in_progress'), { answer: 200, body: last });
    const answer = await call(model, underWay(id));
    expect(answer).toMatchObject({ kind: 'completed', facts: { upstream_response_id: id }, status: 200 });
    expect(answer.kind === 'completed' && Buffer.from(answer.bytes).toString()).toBe(last);
    expect([scripted.hits(model).length, scripted.hits(pathOf(id)).length]).toEqual([1, 2]);
    expect(scripted.hits(pathOf(id))[0]?.headers.authorization).toBe('Bearer sk-test');
  });

  it('waits as long as the upstream asks for', async () => {
    const [model, id] = [unique('paced'), unique('resp')];
    scripted.script(pathOf(id), answered({ id }));
    await call(model, {
      answer: 200,
      headers: { 'openai-poll-after-ms': '1500' },
      body: responseOf({ id, status: 'queued' }),
    });
    const [posted, read] = [scripted.hits(model)[0], scripted.hits(pathOf(id))[0]];
    expect((read?.atMs ?? 0) - (posted?.atMs ?? 0)).toBeGreaterThanOrEqual(1_490);
  });

  it.each<[string, Step]>([
    ['a 503', { answer: 503, body: {} }],
    ['a 429', { answer: 429, body: {} }],
    ['a broken connection', { reset: 'before the answer' }],
    ['an answer that breaks off', { reset: 'in the body' }],
  ])('is read again after %s, because another POST would do the work twice', async (_what, step) => {
    const [model, id] = [unique('again'), unique('resp')];
    scripted.script(pathOf(id), step, answered({ id }));
    expect((await call(model, underWay(id))).kind).toBe('completed');
    expect([scripted.hits(model).length, scripted.hits(pathOf(id)).length]).toEqual([1, 2]);
  });

  it('is lost where the upstream does not know it any more', async () => {
    const [model, id] = [unique('gone'), unique('resp')];
    scripted.script(pathOf(id), { answer: 404, body: { error: { message: 'no' } } });
    expect(await call(model, underWay(id))).toMatchObject({
      failure: { code: 'upstream_response_lost', outcome: 'lost', retry: 'twice', upstreamStatus: 200 },
    });
  });

  it('fails by its own code, where it fails later', async () => {
    const [model, id] = [unique('late'), unique('resp')];
    scripted.script(pathOf(id), answered({ id, ...failed('invalid_prompt') }));
    expect(await call(model, underWay(id))).toMatchObject({
      failure: { code: 'upstream_error_in_body', upstreamCode: 'invalid_prompt', retry: 'never' },
    });
  });

  it('is cancelled upstream when its attempt is aborted, and counts as lost', async () => {
    const [model, id] = [unique('aborted'), unique('resp')];
    scripted.script(pathOf(id), underWay(id, 'in_progress'));
    scripted.script(`${pathOf(id)}/cancel`, answered({ id, status: 'cancelled' }));
    const abort = new AbortController();
    const calling = call(model, underWay(id), abort.signal);
    await scripted.untilHits(pathOf(id), 1);
    abort.abort();
    expect(await calling).toMatchObject({ failure: { code: 'upstream_response_lost', outcome: 'lost' } });
    await scripted.untilHits(`${pathOf(id)}/cancel`, 1);
  });
});
