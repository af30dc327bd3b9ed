import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer } from 'node:https';
import { once } from 'node:events';
import { generate } from 'selfsigned';
import { classifyError } from '../../../src/upstream/classify-error.ts';
import { createUpstream, type UpstreamAnswer } from '../../../src/upstream/client.ts';
import { freePort } from '../../support/free-port.ts';
import { startScriptedUpstream, type ScriptedUpstream } from '../../support/scripted-upstream.ts';
import { UPSTREAM_ROWS } from '../../support/upstream-rows.ts';

const CANARY = 'canary-5f1c';

let scripted: ScriptedUpstream;
beforeAll(async () => {
  scripted = await startScriptedUpstream();
});
afterAll(() => scripted.close());

async function call(
  baseURL: string,
  model: string,
  apiKey: string | null = `sk-${CANARY}`,
): Promise<UpstreamAnswer> {
  const upstream = createUpstream({ baseURL, apiKey, maxResponseBytes: 1_000_000 });
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: CANARY }] });
  const answer = await upstream.complete({
    body: Buffer.from(body),
    operation: 'chat.completions',
    clientRequestId: 'rr_test/1',
    signal: AbortSignal.timeout(1_000),
  });
  await upstream.close();
  return answer;
}

describe('one upstream call by the real openai client', () => {
  it.each(UPSTREAM_ROWS)('row $row: $title means $code', async ({ row, step, code, outcome, retry }) => {
    scripted.script(row, step);
    const answer = await call(scripted.baseURL, row);
    expect(scripted.hits(row), 'the client retries nothing by itself').toHaveLength(1);
    if (answer.kind === 'completed') return expect(code).toBeNull();
    expect(answer.failure).toMatchObject({ code, outcome, retry });
    expect(JSON.stringify(answer.failure), 'nothing of the prompt or the key is kept').not.toContain(CANARY);
    return undefined;
  });

  it('row 1: a refused connection did not run and is tried again', async () => {
    const answer = await call(`http://127.0.0.1:${await freePort()}/v1`, 'm');
    expect(answer).toMatchObject({
      failure: { code: 'upstream_unreachable', outcome: 'not_run', retry: 'always' },
    });
  });

  it('row 2: a name that does not exist is tried twice, a resolver that fails for longer', () => {
    const before = { phase: 'request', aborted: false } as const;
    const dns = (code: string): Error =>
      new Error('fetch failed', { cause: Object.assign(new Error(), { code }) });
    expect(classifyError(dns('ENOTFOUND'), before)).toMatchObject({
      code: 'upstream_unreachable',
      retry: 'twice',
    });
    expect(classifyError(dns('EAI_AGAIN'), before)).toMatchObject({
      code: 'upstream_unreachable',
      retry: 'always',
    });
  });

  it('row 3: an untrusted certificate ends the request, because it is a configuration error', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }]);
    const server = createServer({ key, cert }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    const answer = await call(`https://127.0.0.1:${address.port}/v1`, 'm');
    server.close();
    expect(answer).toMatchObject({
      failure: { code: 'upstream_tls_error', outcome: 'not_run', retry: 'never' },
    });
  });

  it('row 4: a call that cannot be built is a fault of configuration and never sent', async () => {
    const answer = await call(scripted.baseURL, 'row 4', 'sk-line\nbreak');
    expect(answer).toMatchObject({
      failure: { code: 'configuration_error', outcome: 'not_run', retry: 'never' },
    });
    expect(scripted.hits('row 4')).toHaveLength(0);
  });

  it('row 50: an unknown exception is not repeated, because its outcome is unknown', () => {
    const sent = { phase: 'request', aborted: false } as const;
    expect(classifyError(new Error('a bug'), sent)).toMatchObject({
      code: 'internal_error',
      outcome: 'unknown',
      retry: 'never',
    });
  });

  it('sends the bytes as they are, with an id that the upstream can be asked about', async () => {
    const upstream = createUpstream({ baseURL: scripted.baseURL, apiKey: null, maxResponseBytes: 1_000_000 });
    const text = '{ "model":"bytes",  "seed": 1.0, "messages":[] }';
    await upstream.complete({
      body: Buffer.from(text),
      operation: 'chat.completions',
      clientRequestId: 'k/3',
      signal: AbortSignal.timeout(5_000),
    });
    const [hit] = scripted.hits('bytes');
    expect(hit?.body).toBe(text);
    expect(hit?.headers).toMatchObject({ 'x-client-request-id': 'k/3', 'content-type': 'application/json' });
    expect(hit?.headers.authorization, 'no key, no header').toBeUndefined();
    await upstream.close();
  });
});
