/** End to end: what an operator's Prometheus reads is what happened, and nothing of what was sent. */
import { afterAll, describe, expect, inject, it } from 'vitest';
import { METRICS } from '../../src/metrics/catalogue.ts';
import { act, get, post, readRecord, unique, untilRecord } from '../support/api.ts';
import { startDeployment, type Deployment } from '../support/deployment.ts';
import { freePort } from '../support/free-port.ts';
import { bearer, makeKeysFile } from '../support/keys-file.ts';
import { startLeavingCaller } from '../support/leaving-caller.ts';
import { exchange } from '../support/raw-http.ts';
import { ok, overloaded, startScriptedUpstream } from '../support/scripted-upstream.ts';
import { scrape, untilSamples } from '../support/scrape.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const upstream = await startScriptedUpstream();
const temporal = await startTcpProxy(inject('temporalAddress'));
const deployments: Deployment[] = [];
afterAll(async () => {
  await Promise.all(deployments.map((deployment) => deployment.stop()));
  temporal.close();
  await upstream.close();
});

/** With metrics that begin at zero. */
async function start(env: Record<string, string> = {}): Promise<{ url: string; metrics: string }> {
  const port = String(await freePort());
  const deployment = await startDeployment({
    upstreamURL: upstream.baseURL,
    temporalAddress: temporal.address,
    env: { REQRUN_METRICS_PORT: port, ...env },
  });
  deployments.push(deployment);
  return { url: deployment.url, metrics: `http://127.0.0.1:${port}/metrics` };
}

const POSTS = 'method="POST",route="/v1/chat/completions"';

describe('the metrics', () => {
  it('are those of the catalogue and of any Node process, in the text format that Prometheus asks for', async () => {
    const { url, metrics } = await start();
    await post(url, { model: unique('scraped'), wait: 20 });
    expect((await get(url, '/metrics')).status).toBe(404);
    const { types, contentType, samples } = await scrape(metrics);
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    const ours = [...types].filter(([name]) => name.startsWith('reqrun_'));
    expect(Object.fromEntries(ours)).toEqual(
      Object.fromEntries(Object.entries(METRICS).map(([name, { type }]) => [name, type])),
    );
    expect([...types.keys()]).toEqual(
      expect.arrayContaining(['process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds']),
    );
    expect([...samples.keys()]).toContainEqual(expect.stringMatching(/^reqrun_build_info\{version="\d/));
    // A refusal that comes is an increase: its series was there before it.
    expect(samples.get('reqrun_refusals_total{code="overloaded"}')).toBe(0);
  });

  it('count what was accepted, joined and refused, and what the upstream did, each of it once', async () => {
    const { url, metrics } = await start();
    const [retried, failed] = [unique('retried'), unique('failed')];
    upstream.script(retried, overloaded({ 'retry-after': '1' }), ok());
    upstream.script(failed, { answer: 400, body: {} });
    for (const model of [retried, retried, failed]) {
      await post(url, { model, idempotency_key: model, wait: 20 });
    }
    await post(url, { model: 1 });
    await post(url, '{');
    const { samples } = await untilSamples(metrics, {
      [`reqrun_http_requests_total{${POSTS},status="200"}`]: 2,
      [`reqrun_http_requests_total{${POSTS},status="400"}`]: 3,
      reqrun_requests_accepted_total: 2,
      reqrun_requests_replayed_total: 1,
      'reqrun_refusals_total{code="invalid_type"}': 1,
      'reqrun_refusals_total{code="invalid_json"}': 1,
      'reqrun_attempts_total{outcome="not_run",code="upstream_overloaded"}': 1,
      'reqrun_attempts_total{outcome="completed",code="none"}': 1,
      'reqrun_attempts_total{outcome="rejected",code="upstream_rejected"}': 1,
      'reqrun_runs_ended_total{status="completed",code="none"}': 1,
      'reqrun_runs_ended_total{status="failed",code="upstream_rejected"}': 1,
    });
    expect(samples.get(`reqrun_http_request_duration_seconds_count{${POSTS}}`)).toBe(5);
    expect(samples.get('reqrun_attempt_duration_seconds_count{outcome="completed"}')).toBe(1);
    const refused = [...samples].filter(([name, value]) => name.startsWith('reqrun_refusals') && value > 0);
    expect(refused).toHaveLength(2);
  });

  it('show a cancelled request as cancelled, and its call no longer in flight', async () => {
    const { url, metrics } = await start();
    const model = unique('cancelled');
    upstream.script(model, { stall: 'headers' });
    await post(url, { model, idempotency_key: model });
    await upstream.untilHits(model, 1);
    await untilSamples(metrics, { reqrun_upstream_calls_in_flight: 1 });
    await act(url, model, 'cancel');
    await untilRecord(url, model, ({ terminal }) => terminal);
    await untilSamples(metrics, {
      reqrun_upstream_calls_in_flight: 0,
      'reqrun_attempts_total{outcome="unknown",code="request_cancelled"}': 1,
      'reqrun_runs_ended_total{status="cancelled",code="request_cancelled"}': 1,
      'reqrun_http_requests_total{method="POST",route="/v1/requests/:id/cancel",status="202"}': 1,
    });
  });

  it('show who waits while they wait: a request counts as accepted before its caller is answered', async () => {
    const { url, metrics } = await start();
    const model = unique('held');
    const released = Promise.withResolvers<void>();
    upstream.script(model, { ...ok(), after: released.promise });
    const held = [1, 2].map(() => post(url, { model, idempotency_key: model, wait: 30 }));
    await untilSamples(metrics, {
      reqrun_waiters: 2,
      reqrun_upstream_calls_in_flight: 1,
      reqrun_requests_accepted_total: 1,
      reqrun_requests_replayed_total: 1,
      reqrun_requests_accepting: 0,
      [`reqrun_http_requests_total{${POSTS},status="200"}`]: 0,
    });
    released.resolve();
    await Promise.all(held);
    await untilSamples(metrics, { reqrun_waiters: 0, reqrun_upstream_calls_in_flight: 0 });
  });

  it('count a caller that leaves apart from those who were answered', async () => {
    const { url, metrics } = await start();
    const model = unique('left');
    const released = Promise.withResolvers<void>();
    upstream.script(model, { ...ok(), after: released.promise });
    const caller = startLeavingCaller(url, { model, wait: 30 });
    await untilSamples(metrics, { reqrun_waiters: 1 });
    await caller.leave();
    await untilSamples(metrics, {
      [`reqrun_http_requests_total{${POSTS},status="499"}`]: 1,
      reqrun_waiters: 0,
    });
    released.resolve();
  });

  it('show how near the limits are, and what was refused beyond them', async () => {
    const { url, metrics } = await start({ REQRUN_MAX_READING: '1', REQRUN_MAX_ACCEPTING: '1' });
    const key = unique('limits');
    await post(url, { model: key, idempotency_key: key, wait: 30 });
    temporal.silence('answers');
    const calls = [readRecord(url, key), post(url, { model: unique('slow'), wait: 30 })];
    await untilSamples(metrics, { reqrun_requests_reading: 1, reqrun_requests_accepting: 1 });
    const refused = await Promise.all([get(url, `/v1/requests/${key}`), post(url, { model: key })]);
    expect(refused.map(({ status }) => status)).toEqual([503, 503]);
    temporal.silence('none');
    await Promise.all(calls);
    await untilSamples(metrics, {
      reqrun_requests_reading: 0,
      reqrun_requests_accepting: 0,
      'reqrun_refusals_total{code="overloaded"}': 2,
      'reqrun_http_requests_total{method="GET",route="/v1/requests/:id",status="503"}': 1,
    });
  });

  it('have no new series for whatever paths and methods are tried: their number is bounded', async () => {
    const { url, metrics } = await start();
    const tries = async (): Promise<void> => {
      for (const method of ['GET', 'PURGE', 'PROPFIND', 'PUT']) {
        const path = unique('path');
        await fetch(`${url}/${path}?q=${path}`, { method });
        await fetch(`${url}/v1/requests/${path}`, { method });
      }
      await get(url, `/v1/requests/%E0%${unique('bad')}`);
      await exchange(url, Buffer.from(`${unique('no-http')}\r\n\r\n`));
    };
    await tries();
    const before = await untilSamples(metrics, {
      'reqrun_http_requests_total{method="GET",route="unmatched",status="404"}': 1,
      'reqrun_http_requests_total{method="GET",route="unmatched",status="400"}': 1,
      'reqrun_http_requests_total{method="other",route="unmatched",status="404"}': 2,
      'reqrun_http_requests_total{method="other",route="/v1/requests/:id",status="405"}': 2,
      'reqrun_refusals_total{code="not_found"}': 4,
      'reqrun_refusals_total{code="method_not_allowed"}': 4,
    });
    await tries();
    await untilSamples(metrics, { 'reqrun_refusals_total{code="not_found"}': 8 });
    const ours = ({ samples }: typeof before): string[] =>
      [...samples.keys()].filter((name) => name.startsWith('reqrun_'));
    expect(ours(await scrape(metrics))).toEqual(ours(before));
  });

  it('hold nothing of what we or the upstream were sent: no prompt, key, model, project, path or text', async () => {
    const keys = await makeKeysFile();
    const { key } = await keys.create('canary-project');
    const { url, metrics } = await start({ REQRUN_KEYS_FILE: keys.path });
    const model = unique('canary-model');
    const error = { message: 'canary-text', type: 'canary_type', code: 'canary_code', param: 'canary_param' };
    upstream.script(
      model,
      { answer: 503, headers: { 'retry-after': '1', 'x-request-id': 'canary-upstream' }, body: { error } },
      { answer: 400, body: { error } },
    );
    const headers = { ...bearer(key), 'x-request-id': 'canary-header', 'user-agent': 'canary-agent' };
    const asked = { model, idempotency_key: unique('canary-key'), wait: 20, user: 'canary-user' };
    const failed = await post(url, asked, headers);
    expect([failed.status, failed.text.includes('canary_code')]).toEqual([400, true]);
    await post(url, { ...asked, messages: [{ role: 'user', content: 'canary-prompt' }] }, headers);
    await post(url, { model: 1, 'canary-field': 1, reqrun: { 'canary-option': 1 } }, headers);
    await get(url, `/canary-path?canary-query`, headers);
    await get(url, `/v1/requests/canary-id`, bearer('reqrun_test_canary'));
    const { text } = await untilSamples(metrics, {
      'reqrun_refusals_total{code="not_found"}': 1,
      'reqrun_refusals_total{code="invalid_api_key"}': 1,
      'reqrun_refusals_total{code="idempotency_key_reused"}': 1,
      'reqrun_attempts_total{outcome="rejected",code="upstream_rejected"}': 1,
    });
    expect(text.split('\n').filter((line) => /canary|sk-test/i.test(line))).toEqual([]);
    expect(text).not.toContain(key);
    await keys.remove();
  });
});
