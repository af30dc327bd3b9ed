import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { errorOf, get, post, readRecord, unique } from '../support/api.ts';
import { ok } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment, url } = await useDeployment();

const OPAQUE = String.raw`a/b a:b %2e {} a"b " a\b \ temporal-sys-x ../../etc/passwd ...`.split(' ');

describe('an idempotency key', () => {
  it('lets fifty equal calls at once make one upstream call, with the same bytes for all (I12)', async () => {
    const model = unique('fifty');
    upstream.script(model, ok('once', 300));
    const calls = Array.from({ length: 50 }, () => post(url, { model, wait: 20, idempotency_key: model }));
    const answers = await Promise.all(calls);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
    expect(upstream.hits(model)).toHaveLength(1);
  });

  it('lets one of two bodies win and refuses all calls of the other (I13)', async () => {
    const [model, key] = [unique('two'), unique('key')];
    const calls = Array.from({ length: 20 }, (_, n) =>
      post(url, { model, seed: n % 2, wait: 20, idempotency_key: key }),
    );
    const answers = await Promise.all(calls);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(10);
    expect(upstream.hits(model)).toHaveLength(1);
  });

  it('replays a result and a failure byte for byte (I4, I5)', async () => {
    for (const step of [
      ok('again'),
      { answer: 400, body: { error: { code: 'bad_thing', param: 'messages' } } },
    ]) {
      const model = unique('replay');
      upstream.script(model, step);
      const first = await post(url, { model, wait: 20, idempotency_key: model });
      const second = await post(url, { model, wait: false, idempotency_key: model });
      expect([second.status, second.text]).toEqual([first.status, first.text]);
      expect(first.headers.get('idempotent-replayed')).toBeNull();
      expect(second.headers.get('idempotent-replayed')).toBe('true');
      expect(upstream.hits(model)).toHaveLength(1);
    }
  });

  it('answers another body with 422 and reveals nothing of the first (I6)', async () => {
    const key = unique('other');
    await post(url, { model: 'secret-model', wait: 20, idempotency_key: key });
    const answer = await post(url, { model: 'another', wait: 20, idempotency_key: key });
    expect(answer.status).toBe(422);
    expect(errorOf(answer).code).toBe('idempotency_key_reused');
    expect(answer.headers.get('x-should-retry')).toBe('false');
    expect(answer.text).not.toContain('secret-model');
    expect(upstream.hits('another')).toHaveLength(0);
  });

  it('takes other JSON text of the same meaning, and another wait, as the same request (I7, I8)', async () => {
    const [model, key] = [unique('text'), unique('key')];
    await post(
      url,
      `{"model":"${model}","messages":[{"role":"user","content":"é"}],"seed":1,"wait":20,"idempotency_key":"${key}"}`,
    );
    const same = `{ "seed": 1.0, "idempotency_key":"${key}", "messages": [ {"content":"\\u00e9", "role":"user"} ], "model":"${model}" }`;
    expect((await post(url, same)).status).toBe(200);
    expect(upstream.hits(model)).toHaveLength(1);
  });

  it('is accepted in the header, bare or quoted, unless it differs from the body or is repeated (I9, I18, I20)', async () => {
    const [model, key] = [unique('header'), unique('key')];
    expect(
      (await post(url, { model, wait: 20 }, { 'Idempotency-Key': key })).headers.get('x-request-id'),
    ).toBe(key);
    expect(
      (await post(url, { model, wait: 20, idempotency_key: key }, { 'Idempotency-Key': `"${key}"` })).status,
    ).toBe(200);
    const conflict = await post(url, { model, idempotency_key: 'another' }, { 'Idempotency-Key': key });
    expect([conflict.status, errorOf(conflict).code]).toEqual([400, 'idempotency_key_conflict']);
    expect(upstream.hits(model)).toHaveLength(1);
  });

  it.each([...OPAQUE, 'x'.repeat(247)])(
    'is opaque: %j names a record that can be read, from the header as well (I19; rows 71, 78, 83)',
    async (prefix) => {
      const key = `${prefix}${randomUUID().slice(0, 8)}`;
      expect((await post(url, { idempotency_key: key, wait: 20 })).status).toBe(200);
      expect((await readRecord(url, key)).id).toBe(key);
      for (const header of [key, `"${key.replaceAll(/["\\]/g, '\\$&')}"`]) {
        const answer = await post(url, {}, { 'Idempotency-Key': header });
        expect([answer.status, answer.headers.get('x-request-id')]).toEqual([200, key]);
      }
    },
  );

  it('is case-sensitive (I21)', async () => {
    const key = unique('Case');
    await post(url, { model: unique('a'), wait: 20, idempotency_key: key });
    expect(
      (await post(url, { model: unique('b'), wait: 20, idempotency_key: key.toUpperCase() })).status,
    ).toBe(200);
  });

  it('is not used up by a call that was refused (I14)', async () => {
    const [model, key] = [unique('free'), unique('key')];
    expect((await post(url, { model: 5, idempotency_key: key })).status).toBe(400);
    expect((await post(url, { model, wait: 20, idempotency_key: key })).status).toBe(200);
  });

  it("never reads, joins or touches a workflow that is not ReqRun's", async () => {
    const id = unique('stranger');
    const handle = await deployment.client.workflow.start('someoneElses', {
      workflowId: id,
      taskQueue: unique('q'),
      args: ['x'],
    });
    const answer = await post(url, { idempotency_key: id, wait: 1 });
    expect([answer.status, errorOf(answer).code]).toEqual([409, 'idempotency_key_unavailable']);
    const unknown = await get(url, `/v1/requests/${unique('nobody')}`);
    const foreign = await get(url, `/v1/requests/${id}`);
    expect([foreign.status, foreign.text]).toEqual([unknown.status, unknown.text]);
    expect(foreign.status).toBe(404);
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await handle.terminate();
  });

  it('without one, every call is a request of its own with an id of its own (I1)', async () => {
    const model = unique('none');
    const answers = await Promise.all([post(url, { model, wait: 20 }), post(url, { model, wait: 20 })]);
    const ids = answers.map(({ headers }) => headers.get('x-request-id') ?? '');
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^rr_[a-z2-7]{32}$/);
    expect(upstream.hits(model)).toHaveLength(2);
  });
});
