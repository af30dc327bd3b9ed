/** A crowd is let in, in turn; who leaves the line or finds no place in it leaves nothing behind. */
import type { Socket } from 'node:net';
import OpenAI from 'openai';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { errorOf, get, post, unique } from '../support/api.ts';
import { startDeployment, type Deployment } from '../support/deployment.ts';
import { freePort } from '../support/free-port.ts';
import { startLeavingCaller } from '../support/leaving-caller.ts';
import { open, readAnswer } from '../support/raw-http.ts';
import { untilSamples } from '../support/scrape.ts';
import { ok, startScriptedUpstream, type ScriptedUpstream } from '../support/scripted-upstream.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

let upstream: ScriptedUpstream;
let temporal: TcpProxy;
let deployment: Deployment;
let metrics: string;
beforeEach(async () => {
  upstream = await startScriptedUpstream();
  temporal = await startTcpProxy(inject('temporalAddress'));
});
afterEach(async () => {
  await deployment.stop();
  temporal.close();
  await upstream.close();
});

/** Resolves to the API's URL. */
async function start(env: Record<string, string> = {}): Promise<string> {
  const port = String(await freePort());
  metrics = `http://127.0.0.1:${port}/metrics`;
  deployment = await startDeployment({
    upstreamURL: upstream.baseURL,
    temporalAddress: temporal.address,
    env: { REQRUN_METRICS_PORT: port, ...env },
  });
  return deployment.url;
}

const untilAccepting = (count: number): Promise<unknown> =>
  untilSamples(metrics, { reqrun_requests_accepting: count });
const names = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => unique(`${name}-${index}`));

/** Sends the head of a POST, and nothing of its body. */
async function announce(url: string, bytes: number): Promise<Socket> {
  const socket = await open(url);
  const head = ['POST /v1/chat/completions HTTP/1.1', `Host: ${new URL(url).host}`];
  const body = ['Content-Type: application/json', `Content-Length: ${bytes}`];
  socket.write(`${[...head, ...body].join('\r\n')}\r\n\r\n`);
  return socket;
}

it('answers a crowd of official SDKs with its results, each request called once', async () => {
  const url = await start();
  const client = new OpenAI({
    baseURL: `${url}/v1`,
    apiKey: 'unused',
    maxRetries: 0,
    defaultHeaders: { Prefer: 'wait=240' },
  });
  const models = names('crowd', 250);
  for (const model of models) upstream.script(model, ok(model));
  const completions = await Promise.all(
    models.map((model) =>
      client.chat.completions.create({ model, messages: [{ role: 'user', content: 'hi' }] }),
    ),
  );
  expect(completions.map(({ choices }) => choices[0]?.message.content)).toEqual(models);
  expect(models.filter((model) => upstream.hits(model).length !== 1)).toEqual([]);
  await untilAccepting(0);
}, 120_000);

it('starts nothing for a caller that leaves the line, and everything for those who stay', async () => {
  const url = await start();
  temporal.silence('requests');
  // More than are started at once, so that the last ones wait in line.
  const stay = names('stay', 12);
  const callers = stay.map((key) => post(url, { model: key, idempotency_key: key, wait: 30 }));
  await untilAccepting(12);
  const left = unique('left');
  const caller = startLeavingCaller(url, { model: left, idempotency_key: left, wait: 30 });
  await untilAccepting(13);
  await caller.leave();
  await untilSamples(metrics, {
    'reqrun_http_requests_total{method="POST",route="/v1/chat/completions",status="499"}': 1,
  });
  temporal.silence('none');
  await Promise.all(callers);
  for (const key of stay) {
    // On a slow machine the silence was long enough to be refused for.
    await until(
      () => post(url, { model: key, idempotency_key: key, wait: 30 }),
      ({ status }) => status === 200,
      60_000,
    );
  }
  expect(stay.filter((key) => upstream.hits(key).length !== 1)).toEqual([]);
  expect((await get(url, `/v1/requests/${left}`)).status).toBe(404);
  expect(upstream.hits(left)).toHaveLength(0);
}, 120_000);

it('refuses the line while Temporal is silent, and nothing in it was accepted', async () => {
  const url = await start();
  temporal.silence('requests');
  const keys = names('silent', 40);
  const answers = await Promise.all(keys.map((key) => post(url, { model: key, idempotency_key: key })));
  expect(answers.filter(({ status }) => status !== 503)).toEqual([]);
  const refused = keys.filter((_key, index) => {
    const answer = answers[index];
    return answer !== undefined && errorOf(answer).code === 'service_unavailable';
  });
  // Those that had been sent are unknown.
  expect(refused.length).toBeGreaterThanOrEqual(keys.length - 6);
  temporal.silence('none');
  await until(
    () => get(url, '/readyz'),
    ({ status }) => status === 200,
  );
  for (const key of refused) expect((await get(url, `/v1/requests/${key}`)).status).toBe(404);
  for (const key of keys) {
    await until(
      () => post(url, { model: key, idempotency_key: key, wait: 30 }),
      ({ status }) => status === 200,
      60_000,
    );
  }
  expect(keys.filter((key) => upstream.hits(key).length !== 1)).toEqual([]);
}, 120_000);

it('refuses a POST that finds no place before its body comes', async () => {
  const url = await start({ REQRUN_MAX_ACCEPTING: '1' });
  temporal.silence('requests');
  const key = unique('place');
  const first = post(url, { model: key, idempotency_key: key });
  await untilAccepting(1);
  const socket = await announce(url, 1_000_000);
  const refused = await readAnswer(socket);
  expect(refused?.status).toBe(503);
  expect(refused?.headers.get('retry-after')).toBe('1');
  socket.destroy();
  temporal.silence('none');
  await first;
});

it('counts the bytes of bodies of known and of unknown size, and frees them', async () => {
  const url = await start({ REQRUN_MAX_ACCEPTING_BYTES: String(2 * 1_024 * 1_024) });
  const content = 'x'.repeat(900_000);
  const message = [{ role: 'user', content }];
  for (let round = 0; round < 4; round += 1) {
    const key = unique('bytes');
    const answer = await post(url, { model: key, messages: message, wait: 30 });
    expect(answer.status).toBe(200);
    const bytes = new TextEncoder().encode(JSON.stringify({ model: key, messages: message, wait: 30 }));
    const chunked = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Blob([bytes]).stream(),
      duplex: 'half',
    });
    expect(chunked.status).toBe(200);
    await chunked.arrayBuffer();
  }
  await untilAccepting(0);
  // A body takes its bytes as soon as it is announced.
  const slow = await announce(url, 1_048_576);
  await untilAccepting(1);
  // Counted as the largest body that is read, and refused for its own size.
  expect((await readAnswer(await announce(url, 10_000_000)))?.status).toBe(413);
  await untilAccepting(1);
  const other = await announce(url, 1_048_576);
  await untilAccepting(2);
  const key = unique('full');
  const refused = await post(url, { model: key, idempotency_key: key });
  expect([refused.status, errorOf(refused).code]).toEqual([503, 'overloaded']);
  for (const socket of [slow, other]) socket.destroy();
  await untilAccepting(0);
  expect((await post(url, { model: key, idempotency_key: key, wait: 30 })).status).toBe(200);
  expect(upstream.hits(key)).toHaveLength(1);
});
