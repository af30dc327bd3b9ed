import { expect, inject, it } from 'vitest';
import { errorOf, post, readRecord, unique } from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { startScriptedUpstream } from '../support/scripted-upstream.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

it('says that acceptance is unknown when Temporal goes silent after a start; the key converges (I15)', async () => {
  const upstream = await startScriptedUpstream();
  const proxy = await startTcpProxy(inject('temporalAddress'));
  const deployment = await startDeployment({
    upstreamURL: upstream.baseURL,
    together: false,
    temporalAddress: proxy.address,
  });
  const { url } = deployment;
  const key = unique('unknown');
  // An answer just before makes the API believe in Temporal, as it does under load.
  await post(url, { model: unique('before') });
  proxy.silence('answers');
  // Answered while Temporal is silent: within a budget, whose unit test has the 5 s.
  const answer = await post(url, { model: key, idempotency_key: key });
  expect([answer.status, errorOf(answer).code]).toEqual([503, 'acceptance_unknown']);
  expect(answer.headers.get('x-request-id')).toBe(key);
  proxy.silence('none');
  const again = await until(
    () => post(url, { model: key, idempotency_key: key, wait: 5 }),
    ({ status }) => status === 200,
    40_000,
  );
  expect(again.headers.get('x-request-id')).toBe(key);
  expect(await readRecord(url, key)).toMatchObject({ status: 'completed', attempts: 1 });
  expect(upstream.hits(key)).toHaveLength(1);
  await deployment.stop();
  proxy.close();
  await upstream.close();
});
