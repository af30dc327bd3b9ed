/** More open runs than a worker keeps in its cache: those whose calls take long are made again from their history. */
import { expect, it } from 'vitest';
import { RECORD_QUERY } from '../../src/domain/run-contract.ts';
import { act, post, readRecord, unique, untilRecord } from '../support/api.ts';
import { ok } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment, url } = await useDeployment();
/** More than the cache of a worker holds. */
const LATER = 130;

it('end as any other, and are read, cancelled and tried again meanwhile', { timeout: 120_000 }, async () => {
  const [done, cancelled, repeated, later] = [
    unique('done'),
    unique('cancelled'),
    unique('repeated'),
    unique('later'),
  ];
  const early = Promise.withResolvers<void>();
  const rest = Promise.withResolvers<void>();
  upstream.script(done, { ...ok('fine'), after: early.promise });
  upstream.script(cancelled, { ...ok(), after: rest.promise });
  upstream.script(repeated, { answer: 500, body: {}, after: early.promise }, ok('again'));
  upstream.script(later, { ...ok(), after: rest.promise });
  const answer = post(url, { model: done, idempotency_key: done, wait: 60 });
  for (const key of [cancelled, repeated]) await post(url, { model: key, idempotency_key: key, wait: false });
  for (const key of [done, cancelled, repeated]) await upstream.untilHits(key, 1);
  const keys = Array.from({ length: LATER }, (_, index) => `${later}-${index}`);
  await Promise.all(keys.map((key) => post(url, { model: later, idempotency_key: key, wait: false })));
  await upstream.untilHits(later, LATER);

  const asked = await deployment.client.workflow.getHandle(done).query(RECORD_QUERY);
  expect(asked).toMatchObject({ id: done, terminal: false });
  expect((await act(url, cancelled, 'cancel')).status).toBe(202);
  await upstream.untilAborted(cancelled, 1);
  early.resolve();
  expect((await answer).text).toContain('fine');
  const again = await untilRecord(url, repeated, ({ terminal }) => terminal);
  expect(again).toMatchObject({ status: 'completed', attempts: 2 });
  rest.resolve();
  for (const key of [done, ...keys]) {
    const record = await untilRecord(url, key, ({ terminal }) => terminal);
    expect(record).toMatchObject({ status: 'completed', attempts: 1 });
  }
  expect(await readRecord(url, cancelled)).toMatchObject({ status: 'cancelled', attempts: 1 });
  expect([done, cancelled, repeated, later].map((model) => upstream.hits(model).length)).toEqual([
    1,
    1,
    2,
    LATER,
  ]);
});
