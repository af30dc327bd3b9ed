/** Row 21, scaled: an upstream that is away for a while, and comes back to all who wait for it. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { post, unique, untilRecord } from '../support/api.ts';
import { freePort } from '../support/free-port.ts';
import { startDeployment } from '../support/deployment.ts';
import { completion } from '../support/scripted-upstream.ts';

const PER_SECOND = 4;
const LIMIT_PER_SECOND = 2 * PER_SECOND;
/** In a second that begins with a call, one more than the pace may begin: so many pauses have one end more. */
const PACE_PER_SECOND = LIMIT_PER_SECOND - 1;
const OUTAGE_SECONDS = Number(process.env['OUTAGE_SECONDS'] ?? '') || 60;

it('is not met by a storm when it comes back: at most twice the steady rate, in any second', async () => {
  const port = await freePort();
  const deployment = await startDeployment({
    upstreamURL: `http://127.0.0.1:${port}/v1`,
    env: { REQRUN_MAX_CALLS_PER_SECOND: String(PACE_PER_SECOND) },
  });
  const keys = Array.from({ length: OUTAGE_SECONDS * PER_SECOND }, () => unique('outage'));
  for (const key of keys) {
    await Promise.all([
      post(deployment.url, { model: key, idempotency_key: key }),
      sleep(1_000 / PER_SECOND),
    ]);
  }
  const arrivalsMs: number[] = [];
  const server: Server = createServer((request, response) => {
    arrivalsMs.push(Date.now());
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(completion()));
    });
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  for (const key of keys) await untilRecord(deployment.url, key, ({ terminal }) => terminal, 120_000);
  const inSecondFrom = (fromMs: number): number =>
    arrivalsMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + 1_000).length;
  const peak = Math.max(...arrivalsMs.map(inSecondFrom));
  process.stdout.write(
    `${keys.length} waited through ${OUTAGE_SECONDS} s; at most ${peak} calls in a second\n`,
  );
  expect(arrivalsMs).toHaveLength(keys.length);
  expect(peak).toBeLessThanOrEqual(LIMIT_PER_SECOND);
  await deployment.stop();
  server.close();
});
