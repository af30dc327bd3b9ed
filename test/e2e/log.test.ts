/** The log: one line for each call and each attempt, of listed fields and no other. */
import { expect, it } from 'vitest';
import { z } from 'zod';
import { post, unique } from '../support/api.ts';
import { captureLog } from '../support/captured-log.ts';
import { createEmbeddedService } from '../support/embedded-service.ts';
import { ok, overloaded } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { log, lines: logged } = captureLog('info');
const { url, upstream } = await useDeployment({ log });

const common = { level: z.int(), time: z.number(), project: z.literal('default') };
const Call = z.strictObject({
  ...common,
  reqId: z.string(),
  method: z.string(),
  route: z.string(),
  status: z.int(),
  code: z.string().optional(),
  duration_ms: z.int(),
  request_id: z.string().optional(),
  msg: z.literal('answered'),
});
const Attempt = z.strictObject({
  ...common,
  request_id: z.string(),
  attempt: z.int(),
  duration_ms: z.int(),
  code: z.string().optional(),
  outcome: z.string().optional(),
  msg: z.enum(['attempt succeeded', 'attempt failed']),
});

it('logs one line for each call and each attempt, with id, attempt, code and duration', async () => {
  const model = unique('log');
  upstream.script(model, overloaded({ 'retry-after': '1' }), ok());
  const failing = unique('fails');
  upstream.script(failing, { answer: 400, body: { error: { code: 'bad_thing' } } });
  await post(url, { model, idempotency_key: model, wait: 20 });
  await post(url, { model: failing, idempotency_key: failing, wait: 20 });
  await post(url, { model, wait: 'never' });
  const lines = await until(
    () => logged.map((line) => z.looseObject({ msg: z.string() }).parse(JSON.parse(line))),
    (all) => all.filter(({ msg }) => msg === 'answered').length === 3,
  );
  const attempts = lines.filter(({ msg }) => msg.startsWith('attempt')).map((line) => Attempt.parse(line));
  expect(
    attempts.map(({ request_id, attempt, code, outcome }) => [request_id, attempt, code, outcome]),
  ).toEqual([
    [model, 1, 'upstream_overloaded', 'not_run'],
    [model, 2, undefined, undefined],
    [failing, 1, 'upstream_rejected', 'rejected'],
  ]);
  const calls = lines.filter(({ msg }) => msg === 'answered').map((line) => Call.parse(line));
  expect(calls.map(({ status, code, request_id }) => [status, code, request_id])).toEqual([
    [200, undefined, model],
    [400, 'upstream_rejected', failing],
    [400, 'invalid_type', undefined],
  ]);
});

it('logs no SDK line about a failure that ReqRun has already logged with its request and code', async () => {
  const service = await createEmbeddedService({});
  const running = await service.start();
  const id = unique('refused');
  const model = 'demo-401';
  expect((await post(service.url, { model, idempotency_key: id, wait: 20 })).status).toBe(502);
  await service.remove();
  const lines = running
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{"level"'))
    .map((line) => z.looseObject({ msg: z.string() }).parse(JSON.parse(line)));
  const ofIt = lines.filter(({ request_id }) => request_id === id);
  expect(ofIt.map(({ msg, code }) => [msg, code])).toEqual(
    expect.arrayContaining([
      ['attempt failed', 'upstream_auth_failed'],
      ['request ended', 'upstream_auth_failed'],
      ['answered', 'upstream_auth_failed'],
    ]),
  );
  expect(ofIt).toHaveLength(3);
  expect(lines.filter(({ source }) => source === 'temporal')).toEqual([]);
});
