/** Recovery at its full width: 200 calls in flight, everything killed at once, all made again within 3 s of ready. */
import { expect, it } from 'vitest';
import { post, unique, untilRecord } from '../support/api.ts';
import { createEmbeddedService } from '../support/embedded-service.ts';
import { killTree } from '../support/process-tree.ts';
import { ok, startScriptedUpstream } from '../support/scripted-upstream.ts';

const IN_FLIGHT = 200;
/** The promise. */
const WITHIN_MS = 3_000;

it.each([
  ['where the calls last', 8_000],
  ['also where each is answered at once, so that 200 completions compete with them', 0],
])(
  `makes ${IN_FLIGHT} interrupted calls again within ${WITHIN_MS} ms of ready, %s`,
  async (_where, lastsMs) => {
    const upstream = await startScriptedUpstream();
    // No heartbeat timeout can be what brings the calls back.
    const service = await createEmbeddedService({
      OPENAI_BASE_URL: upstream.baseURL,
      REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '3600',
    });
    const model = unique('interrupted');
    const keys = Array.from({ length: IN_FLIGHT }, (_, index) => `${model}-${index}`);
    const stalled = keys.map(() => ({ stall: 'headers' }) as const);
    upstream.script(model, ...stalled, ...keys.map(() => ok('again', lastsMs)));
    const first = await service.start();
    for (const key of keys) await post(service.url, { model, idempotency_key: key });
    await upstream.untilHits(model, IN_FLIGHT);
    await killTree(first.child.pid ?? 0);

    await service.start();
    const readyMs = performance.now();
    await upstream.untilHits(model, 2 * IN_FLIGHT);
    const recoveredMs = performance.now() - readyMs;
    process.stdout.write(`${IN_FLIGHT} calls made again ${Math.round(recoveredMs)} ms after ready\n`);
    for (const key of keys) {
      const record = await untilRecord(service.url, key, ({ terminal }) => terminal, 60_000);
      expect(record).toMatchObject({ status: 'completed', attempts: 2, unknown_attempts: 1 });
    }
    expect(upstream.hits(model)).toHaveLength(2 * IN_FLIGHT);
    expect(recoveredMs).toBeLessThan(WITHIN_MS);
    await service.remove();
    await upstream.close();
  },
);
