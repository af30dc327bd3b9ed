import { createServer } from 'node:http';
import { once } from 'node:events';
import { NotFoundError } from 'openai';
// As users import it: the package's own export, built by `npm run build`.
import { ReqRun, WaitTimeoutError } from 'reqrun/client';
import { describe, expect, it } from 'vitest';
import { unique } from '../support/api.ts';
import { ok } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, url } = await useDeployment();
const reqrun = new ReqRun({ baseURL: `${url}/v1` });

const messages = [{ role: 'user' as const, content: 'hi' }];

describe('the typed client', () => {
  it('does what README and docs show: create, tell the answers apart, wait for the record', async () => {
    const model = unique('client');
    upstream.script(model, ok('slowly', 1_500));
    const answer = await reqrun.chat.completions.create({ model, messages, wait: 0, idempotency_key: model });
    if (answer.object !== 'chat.completion.async') throw new Error('expected the async object');
    const record = await reqrun.requests.wait(answer.id, { timeoutMs: 20_000 });
    expect(record).toMatchObject({ id: model, status: 'completed', attempts: 1 });
    const completed = await reqrun.chat.completions.create({
      model,
      messages,
      wait: true,
      idempotency_key: model,
    });
    if (completed.object !== 'chat.completion') throw new Error('expected the completion');
    expect(completed.choices[0]?.message.content).toBe('slowly');
    expect(upstream.hits(model)).toHaveLength(1);
  });

  it('ends a wait at its deadline with the record it saw last; the request goes on', async () => {
    const model = unique('deadline');
    const released = Promise.withResolvers<void>();
    upstream.script(model, { ...ok('late'), after: released.promise });
    await reqrun.chat.completions.create({ model, messages, idempotency_key: model });
    await upstream.untilHits(model, 1);
    const failure = await reqrun.requests.wait(model, { timeoutMs: 1_200 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WaitTimeoutError);
    expect(failure).toMatchObject({ record: { status: 'processing' } });
    released.resolve();
    expect((await reqrun.requests.wait(model, { timeoutMs: 20_000 })).status).toBe('completed');
  });

  it('cancels, runs again and deletes, each as docs/api.md shows', async () => {
    const model = unique('actions');
    upstream.script(model, { stall: 'headers' }, ok('after all'));
    await reqrun.chat.completions.create({ model, messages, idempotency_key: model });
    await upstream.untilHits(model, 1);
    await reqrun.requests.cancel(model);
    expect((await reqrun.requests.wait(model)).status).toBe('cancelled');
    expect((await reqrun.requests.cancel(model)).status).toBe('cancelled');
    await reqrun.requests.retry(model, { deadline_seconds: 60 });
    expect(await reqrun.requests.wait(model)).toMatchObject({ status: 'completed', run: 2, attempts: 2 });
    expect(await reqrun.requests.cancel(model).catch((error: unknown) => error)).toMatchObject({
      status: 409,
      code: 'request_already_terminal',
    });
    await reqrun.requests.delete(model);
    await expect(reqrun.requests.get(model)).rejects.toBeInstanceOf(NotFoundError);
  });

  it('takes a start time, and shows in the record that the request waits for it', async () => {
    const model = unique('start-time');
    const runAt = new Date(Date.now() + 3_600_000).toISOString();
    const fields = { model, messages, idempotency_key: model };
    await reqrun.chat.completions.create({ ...fields, reqrun: { run_at: runAt } });
    expect(await reqrun.requests.get(model)).toMatchObject({
      waiting_for: 'start_time',
      next_attempt_at: runAt,
      options: { run_at: runAt },
    });
    await reqrun.requests.cancel(model);
    expect((await reqrun.requests.wait(model)).status).toBe('cancelled');
  });

  it('does not wait for what does not exist, nor after its signal', async () => {
    await expect(reqrun.requests.wait(unique('nobody'))).rejects.toBeInstanceOf(NotFoundError);
    await expect(
      reqrun.requests.wait('k', { signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow();
  });

  it('sends the same key again when its own retry repeats a call, and survives bad polls', async () => {
    const keys: unknown[] = [];
    let polls = 0;
    const server = createServer((request, response) => {
      if (request.method === 'POST') {
        keys.push(request.headers['idempotency-key']);
        if (keys.length === 1) return void request.socket.resetAndDestroy();
        return void response
          .writeHead(202, { 'content-type': 'application/json' })
          .end('{"object":"chat.completion.async","id":"a"}');
      }
      polls += 1;
      if (polls === 1) return void request.socket.resetAndDestroy();
      if (polls === 2) return void response.writeHead(503, { 'retry-after': '0' }).end();
      return void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"id":"a","terminal":true}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    const client = new ReqRun({ baseURL: `http://127.0.0.1:${address.port}/v1` });
    await client.chat.completions.create({ model: 'm', messages });
    expect(keys[0]).toBeTypeOf('string');
    expect(keys[1]).toBe(keys[0]);
    expect(await client.requests.wait('a', { timeoutMs: 20_000 })).toMatchObject({ terminal: true });
    expect(polls).toBe(3);
    server.closeAllConnections();
    server.close();
  });
});
