/** A service without API keys: the Host header decides, and Authorization is nobody's business. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { post, unique } from '../support/api.ts';
import { captureLog } from '../support/captured-log.ts';
import { startDeployment } from '../support/deployment.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { log, lines: logged } = captureLog('trace');
const { url, upstream } = await useDeployment({ log });

/** The answer's status and body to a Host header of any kind; fetch would send its own. */
async function askAs(host: string, path: string, to = url): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  request(to + path, { headers: { host } }, (answer) => {
    text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject);
  })
    .once('error', reject)
    .end();
  return promise;
}

describe('an open service', () => {
  it.each(['localhost', 'LOCALHOST:8080', '127.0.0.1', '127.8.8.8:1', '[::1]', '[::1]:8080'])(
    'answers to the Host %s',
    async (host) => {
      expect((await askAs(host, '/v1/requests/nothing')).status).toBe(404);
    },
  );

  it.each([
    'attacker.example',
    'attacker.example:8080',
    'localhost.attacker.example',
    '127.0.0.1.attacker.example',
    '10.0.0.1',
    '2130706433',
    '[::ffff:127.0.0.1]',
    'localhost:8080:8080',
    '@127.0.0.1',
  ])('refuses the Host %s, which a web page may have had resolved to it', async (host) => {
    const answer = await askAs(host, '/v1/requests/nothing');
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'host_not_allowed' } });
    expect(answer.body).not.toContain('attacker');
    expect((await askAs(host, '/healthz')).status).toBe(200);
  });

  it('ignores Authorization, as every SDK sends it, and never logs it', async () => {
    const model = unique('ignored');
    const answer = await post(url, { model, wait: 20 }, { authorization: 'Bearer sk-CANARY-0123456789' });
    expect(answer.status).toBe(200);
    expect(upstream.hits(model)[0]?.headers.authorization).toBe('Bearer sk-test');
    await until(
      () => logged.join(''),
      (all) => all.includes('"status":200'),
    );
    expect(logged.join('')).not.toContain('CANARY');
  });
});

describe('an open service that is told to listen beyond loopback', async () => {
  const env = { REQRUN_ALLOW_OPEN: '1', REQRUN_ALLOWED_HOSTS: 'reqrun.internal, API,[fd00::1]' };
  const beyond = await startDeployment({ upstreamURL: upstream.baseURL, env });
  const any = await startDeployment({
    upstreamURL: upstream.baseURL,
    env: { REQRUN_ALLOW_OPEN: '1', REQRUN_ALLOWED_HOSTS: '*' },
  });
  afterAll(async () => void (await Promise.all([beyond.stop(), any.stop()])));

  it.each(['127.0.0.1:8080', 'localhost', 'reqrun.internal:8080', 'api', 'api:1', '[fd00::1]:8080'])(
    'answers to the Host %s, which is loopback’s or was allowed',
    async (host) => {
      expect((await askAs(host, '/v1/requests/nothing', beyond.url)).status).toBe(404);
    },
  );

  it.each(['attacker.example', 'api.attacker.example', 'attacker.example:8080', 'fd00::1'])(
    'still refuses the Host %s, because a published loopback port is in every web page’s reach',
    async (host) => {
      expect((await askAs(host, '/v1/requests/nothing', beyond.url)).status).toBe(403);
    },
  );

  it('answers to any Host where all are allowed', async () => {
    expect((await askAs('attacker.example:8080', '/v1/requests/nothing', any.url)).status).toBe(404);
  });
});
