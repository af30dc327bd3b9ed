/** The listener alone, on a real port: whom it answers, and what. */
import { request } from 'node:http';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startMetrics } from '../../../src/process/metrics.ts';
import { buildMetricsApp } from '../../../src/http/metrics-app.ts';
import { getText } from '../../support/bad-input/bad-input.ts';
import { exchange, open } from '../../support/raw-http.ts';

/** @returns where its metrics are */
async function listen(host = '127.0.0.1'): Promise<string> {
  const stopper = { add: ({ stop }: { stop(): Promise<void> }) => void onTestFinished(stop) };
  const served = await startMetrics({ metrics: { host, port: 0 } }, pino({ level: 'silent' }), stopper);
  if (served === null) throw new Error('it was asked for');
  return served.url;
}

/** The status that is answered to a Host header of any kind; fetch would send its own. */
async function statusAs(to: string, host: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  request(to, { headers: { host } }, (answer) => resolve(answer.resume().statusCode))
    .once('error', reject)
    .end();
  return promise;
}

describe('the metrics listener', () => {
  it('answers GET /metrics alone, and all else as JSON', async () => {
    const { origin } = new URL(await listen());
    const tried = [
      ['GET', '/', 404, 'not_found'],
      ['GET', '/metrics/', 404, 'not_found'],
      ['GET', '/v1/requests/x', 404, 'not_found'],
      ['GET', '/%E0%A4%A', 400, 'invalid_request'],
      ['POST', '/metrics', 405, 'method_not_allowed'],
    ] as const;
    for (const [method, path, status, code] of tried) {
      const answer = await fetch(origin + path, { method });
      expect([path, answer.status, await answer.json()]).toMatchObject([path, status, { error: { code } }]);
    }
    const answer = await exchange(origin, Buffer.from('no http\r\n\r\n'));
    expect(JSON.parse(answer?.text ?? '')).toHaveProperty('error.code');
  });

  it('forbids caching, sniffing and framing, and opens itself to no web page', async () => {
    const metrics = await listen();
    const { headers } = await fetch(metrics, { headers: { origin: 'https://elsewhere.example' } });
    const told = ['cache-control', 'x-content-type-options', 'content-security-policy'];
    expect(told.map((name) => headers.get(name))).toEqual([
      'no-store',
      'nosniff',
      expect.stringContaining("frame-ancestors 'none'"),
    ]);
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  it('on loopback answers to no other name, which a web page may have had resolved to it', async () => {
    const metrics = await listen();
    const hosts = ['localhost:1', '127.0.0.1', '[::1]:1', 'attacker.example', 'attacker.example:1'];
    const statuses = await Promise.all(hosts.map((host) => statusAs(metrics, host)));
    expect(statuses).toEqual([200, 200, 200, 403, 403]);
  });

  it('beyond loopback answers to the name that a Prometheus elsewhere knows it by', async () => {
    const { port } = new URL(await listen('0.0.0.0'));
    expect(await statusAs(`http://127.0.0.1:${port}/metrics`, 'reqrun-api:9464')).toBe(200);
  });

  it('makes no text for a connection that reads none, however many it asks for', async () => {
    let made = 0;
    const text = async (): Promise<string> => {
      made += 1;
      return 'x'.repeat(1_000_000);
    };
    const host = '127.0.0.1';
    const app = buildMetricsApp({
      text,
      contentType: 'text/plain',
      host,
      logger: pino({ level: 'silent' }),
    });
    onTestFinished(() => app.close());
    const url = await app.listen({ host, port: 0 });
    const socket = await open(url);
    onTestFinished(() => void socket.destroy());
    const scrape = getText('/metrics');
    socket.pause().write(Buffer.concat(Array.from({ length: 200 }, () => scrape)));
    for (let other = 0; other < 20; other += 1) await exchange(url, scrape);
    // What the system's buffers hold, and the others'.
    expect(made).toBeLessThan(100);
  });
});
