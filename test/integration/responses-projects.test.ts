/** Responses of projects, encrypted: none sees another, and what is stored can be read by its own API alone. */
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { get, postTo, unique, type Answer } from '../support/api.ts';

import { newKey } from '../support/encryption.ts';
import { bearer, makeKeysFile } from '../support/keys-file.ts';
import { responseOf } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const keys = await makeKeysFile({ alpha: {}, beta: {}, listed: { models: ['a'] } });
afterAll(() => keys.remove());
const alpha = bearer((await keys.create('alpha')).key);
const beta = bearer((await keys.create('beta')).key);
const listed = bearer((await keys.create('listed')).key);
const { url, upstream } = await useDeployment({
  env: { REQRUN_KEYS_FILE: keys.path, REQRUN_ENCRYPTION_KEYS: newKey('first') },
});

const Shown = z.looseObject({ id: z.string(), status: z.string() });
const shown = ({ text }: Answer): z.infer<typeof Shown> => Shown.parse(JSON.parse(text));

function create(model: string, fields: object, headers: Record<string, string> = {}): Promise<Answer> {
  return postTo(url, '/v1/responses', { model, input: 'hi', idempotency_key: model, ...fields }, headers);
}

describe('a Response of a project', () => {
  it('is read, with its fields, through its encryption, and by no other project', async () => {
    const key = unique('sealed');
    const release = Promise.withResolvers<void>();
    upstream.script(key, { answer: 200, body: responseOf({ id: 'resp_alpha' }), after: release.promise });
    await create(key, { background: true, metadata: { a: 'b' } }, alpha);
    const mine = await get(url, `/v1/responses/${key}`, alpha);
    expect(shown(mine)).toMatchObject({ id: key, metadata: { a: 'b' } });
    expect((await get(url, `/v1/responses/${key}`, beta)).status).toBe(404);
    expect((await get(url, `/v1/responses/${key}/input_items`, beta)).status).toBe(404);
    release.resolve();
    await until(
      () => get(url, `/v1/responses/${key}`, alpha),
      (answer) => shown(answer).status === 'completed',
    );
  });

  it("is the previous one of its own project's requests alone", async () => {
    const [first, mine, theirs] = [unique('first'), unique('mine'), unique('theirs')];
    upstream.script(first, { answer: 200, body: responseOf({ id: 'resp_first' }) });
    upstream.script(mine, { answer: 200, body: responseOf() });
    upstream.script(theirs, { answer: 200, body: responseOf() });
    await create(first, {}, alpha);
    await create(mine, { previous_response_id: first }, alpha);
    await create(theirs, { previous_response_id: first }, beta);
    const sent = (model: string): unknown => JSON.parse(upstream.hits(model)[0]?.body ?? '');
    expect(sent(mine)).toMatchObject({ previous_response_id: 'resp_first' });
    expect(sent(theirs)).toMatchObject({ previous_response_id: first });
  });

  it('must name a model where the project has a list of them', async () => {
    const answer = await postTo(url, '/v1/responses', { input: 'hi' }, listed);
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
      403,
      { error: { code: 'model_not_allowed' } },
    ]);
  });
});
