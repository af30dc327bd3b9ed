/** Every number of things held at once is bounded: what comes beyond is refused or put off, never lost. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import OpenAI from 'openai';
import { errorOf, get, post, readRecord, unique, untilRecord, type Answer } from '../support/api.ts';
import { startDeployment, type Deployment } from '../support/deployment.ts';
import { ok, startScriptedUpstream, type ScriptedUpstream } from '../support/scripted-upstream.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

let upstream: ScriptedUpstream;
let temporal: TcpProxy;
const deployments: Deployment[] = [];
beforeEach(async () => {
  upstream = await startScriptedUpstream();
  temporal = await startTcpProxy(inject('temporalAddress'));
});
afterEach(async () => {
  for (const deployment of deployments.splice(0)) await deployment.stop();
  temporal.close();
  await upstream.close();
});

async function start(env: Record<string, string>): Promise<Deployment> {
  const deployment = await startDeployment({
    upstreamURL: upstream.baseURL,
    temporalAddress: temporal.address,
    env,
  });
  deployments.push(deployment);
  return deployment;
}

const names = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => unique(`${name}-${index}`));
const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status).toSorted();
const isOverloaded = (answer: Answer): boolean =>
  answer.status === 503 &&
  errorOf(answer).code === 'overloaded' &&
  answer.headers.get('retry-after') === '1' &&
  answer.headers.get('x-should-retry') === 'true';

it('answers early where no more waiters can be held: a POST with its 202, a GET with the record', async () => {
  const { url } = await start({ REQRUN_MAX_WAITERS: '2' });
  const model = unique('waiters');
  const released = Promise.withResolvers<void>();
  upstream.script(model, { ...ok('late'), after: released.promise });
  const order: number[] = [];
  const answers = names('waiter', 3).map(async (key) => {
    const answer = await post(url, { model, idempotency_key: key, wait: 30 });
    order.push(answer.status);
    return answer;
  });
  await until(
    () => order,
    ([first]) => first !== undefined,
  );
  expect(order).toEqual([202]);
  const { id } = JSON.parse((await Promise.race(answers)).text);
  expect(await readRecord(url, id, '?wait=30')).toMatchObject({ terminal: false });
  expect(order).toEqual([202]);
  released.resolve();
  expect(statuses(await Promise.all(answers))).toEqual([200, 200, 202]);
  expect(await untilRecord(url, id, ({ terminal }) => terminal)).toMatchObject({ status: 'completed' });
  expect(upstream.hits(model)).toHaveLength(3);
});

it('refuses requests over the limit, runs none of them and leaves their keys free', async () => {
  const { url } = await start({ REQRUN_MAX_ACCEPTING: '2' });
  const keys = names('accepting', 12);
  temporal.silence('requests');
  let refusals = 0;
  const posts = keys.map(async (key) => {
    const answer = await post(url, { model: key, idempotency_key: key });
    if (isOverloaded(answer)) refusals += 1;
    return answer;
  });
  // Two are being accepted until Temporal hears of them.
  await until(
    () => refusals,
    (count) => count === 10,
  );
  const health = await get(url, '/healthz');
  temporal.silence('none');
  const answers = await Promise.all(posts);
  expect(health.status).toBe(200);
  const refused = keys.filter((_key, index) => answers[index]?.status === 503);
  expect(refused).toHaveLength(10);
  expect(answers.filter(isOverloaded)).toHaveLength(10);
  for (const key of refused) {
    expect((await get(url, `/v1/requests/${key}`)).status).toBe(404);
    expect((await post(url, { model: key, idempotency_key: key, wait: 30 })).status).toBe(200);
  }
  for (const key of keys) await untilRecord(url, key, ({ terminal }) => terminal);
  expect(keys.map((key) => upstream.hits(key).length)).toEqual(keys.map(() => 1));
});

it('is overcome by the official SDK alone, because the refusal says when to try again', async () => {
  const { url } = await start({ REQRUN_MAX_ACCEPTING: '1' });
  const client = new OpenAI({
    baseURL: `${url}/v1`,
    apiKey: 'unused',
    defaultHeaders: { Prefer: 'wait=30' },
  });
  const models = names('sdk', 2);
  temporal.delay(100);
  const completions = await Promise.all(
    models.map((model) =>
      client.chat.completions.create({ model, messages: [{ role: 'user', content: 'hi' }] }),
    ),
  );
  expect(completions.map(({ choices }) => choices[0]?.message.content)).toEqual(['fine', 'fine']);
  expect(models.map((model) => upstream.hits(model).length)).toEqual([1, 1]);
});

it('refuses reads that it cannot make at the same time, and never its health', async () => {
  const { url } = await start({ REQRUN_MAX_READING: '1' });
  const key = unique('reading');
  await post(url, { model: key, idempotency_key: key, wait: 30 });
  temporal.silence('requests');
  let refusals = 0;
  const asked = Array.from({ length: 5 }, async () => {
    const answer = await get(url, `/v1/requests/${key}`);
    if (isOverloaded(answer)) refusals += 1;
    return answer;
  });
  // One is being made until Temporal hears of it.
  await until(
    () => refusals,
    (count) => count === 4,
  );
  const readiness = get(url, '/readyz');
  const alive = await get(url, '/healthz');
  temporal.silence('none');
  const [reads, health] = [await Promise.all(asked), [alive, await readiness]];
  expect(statuses(reads)).toEqual([200, 503, 503, 503, 503]);
  expect(reads.filter(isOverloaded)).toHaveLength(4);
  expect(statuses(health)).toEqual([200, 200]);
});

it('keeps attempts beyond the limit queued in Temporal, and makes each of them once', async () => {
  const { url } = await start({ REQRUN_MAX_ATTEMPTS_IN_FLIGHT: '3' });
  const keys = names('attempt', 9);
  const model = unique('in-flight');
  const released = Promise.withResolvers<void>();
  upstream.script(model, { ...ok('slow'), after: released.promise });
  await Promise.all(keys.map((key) => post(url, { model, idempotency_key: key })));
  await upstream.untilHits(model, 3);
  const records = await Promise.all(keys.map((key) => readRecord(url, key)));
  expect(records.filter(({ status }) => status === 'queued')).toHaveLength(6);
  released.resolve();
  for (const key of keys) await untilRecord(url, key, ({ status }) => status === 'completed');
  expect(upstream.hits(model)).toHaveLength(9);
  expect(upstream.mostAtOnce()).toBe(3);
});

it('answers 503 on connections over the limit, except health checks', async () => {
  const { url } = await start({ REQRUN_MAX_CONNECTIONS: '4' });
  const { hostname, port } = new URL(url);
  const open = async (): Promise<Socket> => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  const held = await Promise.all([open(), open(), open(), open()]);
  const key = unique('beyond');
  const refused = await post(url, { model: key, idempotency_key: key });
  expect([refused.status, errorOf(refused).code]).toEqual([503, 'overloaded']);
  expect(['retry-after', 'connection', 'x-should-retry'].map((name) => refused.headers.get(name))).toEqual([
    '1',
    'close',
    'true',
  ]);
  expect((await get(url, '/healthz')).status).toBe(200);
  expect((await get(url, '/readyz')).status).toBe(200);
  held[0]?.destroy();
  const accepted = await until(
    () => post(url, { model: key, idempotency_key: key, wait: 20 }),
    ({ status }) => status === 200,
  );
  expect(accepted.headers.get('idempotent-replayed')).toBeNull();
  for (const socket of held) socket.destroy();
});

it('closes connections far over the limit, so that their number stays bounded', async () => {
  const { url } = await start({ REQRUN_MAX_CONNECTIONS: '4' });
  const { hostname, port } = new URL(url);
  const crowd = Array.from({ length: 150 }, () =>
    connect(Number(port), hostname).on('error', () => undefined),
  );
  await until(
    () => crowd.filter(({ destroyed }) => destroyed).length,
    (closed) => closed >= 46,
  );
  for (const socket of crowd) socket.destroy();
  await until(
    () => get(url, '/healthz').catch(() => null),
    (answer) => answer?.status === 200,
  );
});

it('makes no more calls a second than it may, and all of them in the end', async () => {
  const { url } = await start({ REQRUN_MAX_CALLS_PER_SECOND: '5' });
  const model = unique('paced');
  const startedMs = Date.now();
  const answers = Promise.all(Array.from({ length: 20 }, () => post(url, { model, wait: 30 })));
  expect((await answers).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  const atMs = upstream.hits(model).map((hit) => hit.atMs);
  expect(atMs).toHaveLength(20);
  // A second's worth may come at once; the other fifteen take three seconds. A busy machine only takes longer.
  expect(Math.max(...atMs) - startedMs).toBeGreaterThanOrEqual(2_500);
});
