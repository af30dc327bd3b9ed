import { describe, expect, it } from 'vitest';
import { act, errorOf, post, readRecord, recordIn, unique, untilRecord } from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { ok, overloaded } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment, url } = await useDeployment();

const terminal = ({ terminal }: { terminal: boolean }): boolean => terminal;

describe('a retry by hand', () => {
  it('is the next run of the same id: attempts numbered on, the key follows it', async () => {
    const key = unique('again');
    upstream.script(key, { answer: 400, body: {} }, ok('second'));
    const body = `{"model":"${key}", "messages":[{"role":"user","content":"h\\u00e9"}], "seed":1.0}`;
    const first = await post(url, `${body.slice(0, -1)},"wait":20,"idempotency_key":"${key}"}`);
    expect(first.status).toBe(400);
    const before = await readRecord(url, key);
    const answer = await act(url, key, 'retry');
    expect([answer.status, answer.headers.get('location')]).toEqual([202, `/v1/requests/${key}`]);
    expect(recordIn(answer)).toMatchObject({ id: key, run: 2, previous_run_id: before.temporal.run_id });
    const record = await untilRecord(url, key, terminal);
    const summary = await deployment.client.workflow.getHandle(key).describe();
    expect(await summary.staticSummary()).toBe(`chat.completions · ${key} · run 2`);
    expect(record).toMatchObject({ status: 'completed', attempts: 2, possible_duplicate: false });
    expect(record.created_at).toBe(before.created_at);
    expect(record.attempt_log.map(({ number, status }) => [number, status])).toEqual([
      [1, 'failed'],
      [2, 'succeeded'],
    ]);
    expect(record.attempt_log[0]).toEqual(before.attempt_log[0]);
    const replay = await post(url, `${body.slice(0, -1)},"idempotency_key":"${key}"}`);
    expect([replay.status, replay.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    // The very text of the first call went upstream both times.
    const [one, two] = upstream.hits(key).map((hit) => hit.body);
    expect([two, two?.includes('"h\\u00e9"'), two?.includes('1.0')]).toEqual([one, true, true]);
  });

  it('is one run for calls at once', async () => {
    const key = unique('at-once');
    upstream.script(key, { answer: 400, body: {} }, ok('lasts', 3_000), ok('never'));
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => act(url, key, 'retry')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map((answer) => recordIn(answer).run))).toEqual(new Set([2]));
    expect(await untilRecord(url, key, terminal)).toMatchObject({ run: 2, attempts: 2 });
    expect(upstream.hits(key)).toHaveLength(2);
  });

  it('starts one run for concurrent calls that name the same run, even if the new run ends first', async () => {
    const key = unique('at-once-and-over');
    upstream.script(key, { answer: 400, body: {} }, { answer: 404, body: {} }, ok('never'));
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => act(url, key, 'retry', { run: 1 })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map((answer) => recordIn(answer).run))).toEqual(new Set([2]));
    expect(await untilRecord(url, key, terminal)).toMatchObject({ run: 2, attempts: 2, status: 'failed' });
    expect(upstream.hits(key)).toHaveLength(2);
  });

  it('that names the run it follows starts one run only, however late it is sent again', async () => {
    const key = unique('named');
    upstream.script(key, { answer: 400, body: {} }, { answer: 404, body: {} }, ok('third'));
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    await act(url, key, 'retry', { run: 1 });
    await untilRecord(url, key, ({ run, terminal }) => run === 2 && terminal);
    const again = await act(url, key, 'retry', { run: 1 });
    expect([again.status, recordIn(again).run, recordIn(again).status]).toEqual([202, 2, 'failed']);
    expect(upstream.hits(key)).toHaveLength(2);
    const ahead = await act(url, key, 'retry', { run: 3 });
    expect([ahead.status, errorOf(ahead).code, errorOf(ahead).param]).toEqual([400, 'invalid_value', 'run']);
    await act(url, key, 'retry', { run: 2 });
    expect(await untilRecord(url, key, terminal)).toMatchObject({ run: 3, status: 'completed' });
  });

  it('takes a cancelled request up again, and new options with it', async () => {
    const key = unique('cancelled');
    upstream.script(key, { stall: 'headers' }, overloaded());
    await post(url, { model: key, idempotency_key: key, reqrun: { max_attempts: 5 } });
    await upstream.untilHits(key, 1);
    await act(url, key, 'cancel');
    await untilRecord(url, key, terminal);
    const answer = await act(url, key, 'retry', { reqrun: { max_attempts: 1, deadline_seconds: 60 } });
    expect(recordIn(answer).options).toMatchObject({ max_attempts: 1, deadline_seconds: 60, priority: 3 });
    // One attempt for this run; the one before is not counted against it.
    expect(await untilRecord(url, key, terminal)).toMatchObject({
      status: 'failed',
      attempts: 2,
      unknown_attempts: 1,
      possible_duplicate: true,
      error: { code: 'upstream_overloaded', reason: 'attempts_exhausted' },
    });
  });

  it('runs after outcome_unknown under on_unknown_outcome "fail", because a person decided', async () => {
    const key = unique('decided');
    upstream.script(key, { reset: 'before the answer' }, ok('decided'));
    await post(url, { model: key, idempotency_key: key, wait: 20, reqrun: { on_unknown_outcome: 'fail' } });
    expect((await readRecord(url, key)).error?.code).toBe('outcome_unknown');
    await act(url, key, 'retry');
    expect(await untilRecord(url, key, terminal)).toMatchObject({
      status: 'completed',
      attempts: 2,
      unknown_attempts: 1,
      possible_duplicate: true,
    });
  });

  it('never lets attempts shrink while the next run has begun none', async () => {
    const alone = await startDeployment({ upstreamURL: upstream.baseURL, together: false });
    const key = unique('shrink');
    upstream.script(key, { answer: 400, body: {} });
    await post(alone.url, { model: key, idempotency_key: key, wait: 20 });
    await alone.stop();
    const nobody = await startDeployment({ upstreamURL: upstream.baseURL, together: false, worker: false });
    const queued = recordIn(await act(nobody.url, key, 'retry'));
    expect(queued).toMatchObject({
      status: 'queued',
      run: 2,
      attempts: 1,
      last_error_code: 'upstream_rejected',
    });
    expect(recordIn(await act(nobody.url, key, 'retry'))).toMatchObject({ status: 'queued', run: 2 });
    await act(nobody.url, key, 'cancel');
    await nobody.startWorker();
    expect(await untilRecord(nobody.url, key, terminal)).toMatchObject({
      status: 'cancelled',
      run: 2,
      attempts: 1,
    });
    await nobody.stop();
  });

  it('is refused for a completed request, for a first run that goes on, and for an unknown id', async () => {
    const [done, going] = [unique('done'), unique('going')];
    upstream.script(going, { stall: 'headers' });
    await post(url, { model: done, idempotency_key: done, wait: 20 });
    await post(url, { model: going, idempotency_key: going });
    const answers = [
      await act(url, done, 'retry'),
      await act(url, going, 'retry'),
      await act(url, unique('x'), 'retry'),
    ];
    expect(answers.map((answer) => [answer.status, errorOf(answer).code])).toEqual([
      [409, 'request_already_completed'],
      [409, 'request_not_terminal'],
      [404, 'request_not_found'],
    ]);
    await act(url, going, 'cancel');
  });

  it('refuses options it does not know, before anything runs', async () => {
    const answer = await act(url, unique('x'), 'retry', { reqrun: { deadline: 5 } });
    expect([answer.status, errorOf(answer).code, errorOf(answer).param]).toEqual([
      400,
      'unknown_field',
      'reqrun.deadline',
    ]);
  });
});
