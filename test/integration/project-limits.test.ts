/** A project's limits: what it is refused, what it gets instead, and that nobody else notices. */
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { act, errorOf, get, post, recordIn, unique, type Answer } from '../support/api.ts';
import { bearer, makeKeysFile } from '../support/keys-file.ts';
import { startLeavingCaller } from '../support/leaving-caller.ts';
import { ok } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const keys = await makeKeysFile({
  paced: { limits: { requests_per_minute: 3 } },
  narrow: { limits: { in_flight: 2 } },
  impatient: { limits: { waiters: 1 } },
  capped: { limits: { deadline_seconds: 120, max_attempts: 2 } },
  picky: { models: ['allowed-model'] },
  dropped: { models: ['dropped-model', 'dropped-probe', 'kept-model'] },
  patient: { default_wait_seconds: 20 },
  free: {},
});
afterAll(() => keys.remove());
const callers = new Map<string, Record<string, string>>();
for (const name of ['paced', 'narrow', 'impatient', 'capped', 'picky', 'dropped', 'patient', 'free']) {
  callers.set(name, bearer((await keys.create(name)).key));
}
const as = (project: string): Record<string, string> => callers.get(project) ?? {};
const { url, upstream } = await useDeployment({ env: { REQRUN_KEYS_FILE: keys.path } });

const read = (project: string, id: string, query = ''): Promise<Answer> =>
  get(url, `/v1/requests/${id}${query}`, as(project));
const statusAndCode = (answer: Answer): [number, string | null] => [answer.status, errorOf(answer).code];

describe('requests_per_minute', () => {
  it('refuses the one too many, says when to come back, and leaves its key free (98)', async () => {
    const before = await Promise.all([1, 2, 3].map(() => post(url, { model: 'paced' }, as('paced'))));
    expect(before.map(({ status }) => status)).toEqual([202, 202, 202]);
    const key = unique('beyond');
    const refused = await post(url, { model: key, idempotency_key: key }, as('paced'));
    expect(statusAndCode(refused)).toEqual([429, 'rate_limited']);
    const retryAfter = Number(refused.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThanOrEqual(1);
    expect(retryAfter).toBeLessThanOrEqual(60);
    // The official SDKs come back by themselves.
    expect(refused.headers.get('x-should-retry')).toBe(null);
    expect(upstream.hits(key)).toHaveLength(0);
    expect(statusAndCode(await act(url, key, 'retry', undefined, as('paced')))).toEqual([
      429,
      'rate_limited',
    ]);

    expect((await read('paced', key)).status).toBe(404);
    expect((await post(url, { model: key, idempotency_key: key, wait: 20 }, as('free'))).status).toBe(200);

    const file = await readFile(keys.path, 'utf8');
    await writeFile(keys.path, file.replace('"requests_per_minute": 3', '"requests_per_minute": 300'));
    await until(
      () => post(url, { model: key, idempotency_key: key, wait: 20 }, as('paced')),
      ({ status }) => status === 200,
      5_000,
    );
  });
});

describe('in_flight', () => {
  it('refuses what comes while so many POSTs are held, and lets in when one is over', async () => {
    const model = unique('narrow');
    const late = Promise.withResolvers<void>();
    upstream.script(model, { ...ok(), after: late.promise });
    const held = [1, 2].map(() => post(url, { model, wait: 20 }, as('narrow')));
    await upstream.untilHits(model, 2);
    const refused = await post(url, { model }, as('narrow'));
    expect(statusAndCode(refused)).toEqual([429, 'too_many_in_flight']);
    expect([refused.headers.get('retry-after'), refused.headers.get('x-should-retry')]).toEqual(['1', null]);
    // Reading is what those who are refused go on with.
    expect((await read('narrow', 'nothing')).status).toBe(404);
    expect((await post(url, { model: 'free' }, as('free'))).status).toBe(202);
    late.resolve();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
    await until(
      () => post(url, { model }, as('narrow')),
      ({ status }) => status === 202,
    );
  });

  it('frees the place of a caller that leaves', async () => {
    const model = unique('leaves');
    upstream.script(model, { stall: 'headers' });
    const callers = [1, 2].map(() => startLeavingCaller(url, { model, wait: 60 }, as('narrow')));
    await upstream.untilHits(model, 2);
    expect((await post(url, { model: 'next' }, as('narrow'))).status).toBe(429);
    await Promise.all(callers.map((caller) => caller.leave()));
    await until(
      () => post(url, { model: 'next' }, as('narrow')),
      ({ status }) => status === 202,
    );
  });
});

describe('waiters', () => {
  it('answers who cannot be held at once: a 202, or the record as it is (99)', async () => {
    const model = unique('held');
    const late = Promise.withResolvers<void>();
    upstream.script(model, { ...ok(), after: late.promise });
    const held = post(url, { model, idempotency_key: model, wait: 30 }, as('impatient'));
    await upstream.untilHits(model, 1);
    // Longer than the test may take: whoever were held would fail it.
    const second = await post(url, { model, idempotency_key: model, wait: 300 }, as('impatient'));
    const record = await read('impatient', model, '?wait=300');
    expect([second.status, record.status, recordIn(record).status]).toEqual([202, 200, 'processing']);
    late.resolve();
    expect((await held).status).toBe(200);
  });
});

describe('caps of the options', () => {
  it('lower the defaults, and what was asked for beyond them is a 400 that names the cap', async () => {
    const id = unique('capped');
    upstream.script(id, { answer: 400, body: {} });
    await post(url, { model: id, idempotency_key: id, wait: 20 }, as('capped'));
    const record = recordIn(await read('capped', id));
    expect(record.options).toMatchObject({ deadline_seconds: 120, max_attempts: 2 });
    for (const [field, value, cap] of [
      ['deadline_seconds', 121, 120],
      ['max_attempts', 3, 2],
    ] as const) {
      for (const refused of [
        await post(url, { model: id, reqrun: { [field]: value } }, as('capped')),
        await act(url, id, 'retry', { reqrun: { [field]: value } }, as('capped')),
      ]) {
        expect(statusAndCode(refused)).toEqual([400, 'invalid_value']);
        expect(errorOf(refused)).toMatchObject({
          param: `reqrun.${field}`,
          message: `At most ${cap} is allowed to this project.`,
        });
      }
    }
    const within = { deadline_seconds: 60, max_attempts: 1 };
    const accepted = await post(url, { model: 'capped', reqrun: within, wait: 20 }, as('capped'));
    const own = recordIn(await read('capped', accepted.headers.get('x-request-id') ?? ''));
    expect(own.options).toMatchObject(within);
  });
});

describe('models', () => {
  it('refuses a model that the project may not use (53)', async () => {
    const refused = await post(url, { model: 'another-model' }, as('picky'));
    expect([...statusAndCode(refused), errorOf(refused).param]).toEqual([403, 'model_not_allowed', 'model']);
    expect((await post(url, { model: 'allowed-model', wait: 20 }, as('picky'))).status).toBe(200);
    expect(upstream.hits('another-model')).toHaveLength(0);
  });

  it('are checked again by a retry by hand, because the operator may have removed a model', async () => {
    const [dropped, kept] = [unique('dropped'), unique('kept')];
    for (const model of ['dropped-model', 'kept-model'])
      upstream.script(model, { answer: 400, body: {} }, ok());
    await post(url, { model: 'dropped-model', idempotency_key: dropped, wait: 20 }, as('dropped'));
    await post(url, { model: 'kept-model', idempotency_key: kept, wait: 20 }, as('dropped'));
    const before = await readFile(keys.path, 'utf8');
    const dropModels = async (): Promise<void> => {
      await writeFile(keys.path, before.replaceAll(/"dropped-(model|probe)",/g, ''));
      await until(
        () => post(url, { model: 'dropped-probe' }, as('dropped')),
        ({ status }) => status === 403,
        5_000,
      );
    };
    const retry = (id: string, body?: object): Promise<Answer> => act(url, id, 'retry', body, as('dropped'));

    await dropModels();
    for (const body of [undefined, { run: 1, reqrun: { max_attempts: 1 } }]) {
      const refused = await retry(dropped, body);
      expect([...statusAndCode(refused), errorOf(refused).param]).toEqual([
        403,
        'model_not_allowed',
        'model',
      ]);
    }
    expect(recordIn(await read('dropped', dropped))).toMatchObject({ status: 'failed', run: 1, attempts: 1 });
    expect(upstream.hits('dropped-model')).toHaveLength(1);
    expect((await act(url, dropped, 'retry', undefined, as('free'))).status).toBe(404);
    expect((await retry(kept)).status).toBe(202);

    await writeFile(keys.path, before);
    await until(
      () => retry(dropped, { run: 1 }),
      ({ status }) => status === 202,
      5_000,
    );
    expect(recordIn(await read('dropped', dropped, '?wait=20'))).toMatchObject({
      status: 'completed',
      run: 2,
    });
    // Nothing begins: the run that followed is the answer, whatever the project may do by now.
    await dropModels();
    expect(recordIn(await retry(dropped, { run: 1 }))).toMatchObject({ status: 'completed', run: 2 });
  });
});

describe('default_wait_seconds', () => {
  it('holds calls that do not say how long, and only those', async () => {
    const model = unique('patient');
    expect((await post(url, { model }, as('patient'))).status).toBe(200);
    expect((await post(url, { model, wait: false }, as('patient'))).status).toBe(202);
    expect((await post(url, { model }, as('free'))).status).toBe(202);
  });
});
