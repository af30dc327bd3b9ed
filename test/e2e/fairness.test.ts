/** More callers than the machine has room for: each waits for those that came before it, and for nobody else. */
import { expect, it } from 'vitest';
import { post, unique } from '../support/api.ts';
import { ok } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, url } = await useDeployment();

const CALLERS = 64;
/** Long enough for a request that is passed over to stand out. */
const FOR_MS = 6_000;
/** Seen: 1.2 to 1.6; and 10 to 20 where starts found no room for their first workflow task. */
const MOST_OVER_MEDIAN = 4;

it('nobody is passed over: the slowest answer takes a small multiple of the median', async () => {
  const model = unique('fair');
  upstream.script(model, ok('fine', 50));
  const untilMs = performance.now() + FOR_MS;
  const took: number[] = [];
  async function call(): Promise<void> {
    while (performance.now() < untilMs) {
      const startedMs = performance.now();
      const { status } = await post(url, { model, wait: 60 });
      expect(status).toBe(200);
      took.push(performance.now() - startedMs);
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, call));
  took.sort((one, other) => one - other);
  const median = took[Math.floor(took.length / 2)] ?? NaN;
  const slowest = took.at(-1) ?? NaN;
  process.stdout.write(`${took.length} answers, slowest over median: ${(slowest / median).toFixed(1)}\n`);
  expect(slowest / median).toBeLessThan(MOST_OVER_MEDIAN);
});
