/** More callers than the machine has room for: each waits for those that came before it, and for nobody else. */
import { expect, it } from 'vitest';
import { post, unique } from '../support/api.ts';
import { ok } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, url } = await useDeployment();

const CALLERS = 64;
const REQUESTS = 600;
/** Those under way may come before it in any order, and so may as many that come while it is started. */
const MOST_OVERTAKERS = 3 * CALLERS;

it('is fair: a request is called before all but a few of the requests that came after it', async () => {
  /** Models in the order in which their requests were sent. */
  const sent: string[] = [];
  const called: string[] = [];
  let left = REQUESTS;
  async function caller(): Promise<void> {
    while (left > 0) {
      left -= 1;
      let answer: Awaited<ReturnType<typeof post>>;
      let model: string;
      do {
        model = unique('fair');
        upstream.script(model, { ...ok('fine', 50), onCall: () => void called.push(model) });
        sent.push(model);
        answer = await post(url, { model, wait: 60 });
        // Above its limits the service refuses, and nothing was begun; it is another request then.
      } while (answer.status === 503);
      expect(answer.status).toBe(200);
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const place = new Map(called.map((model, at) => [model, at]));
  const begun = sent.filter((model) => place.has(model));
  const overtakers = begun.map((model, at) => {
    const own = place.get(model) ?? 0;
    return begun.slice(at + 1).filter((later) => (place.get(later) ?? 0) < own).length;
  });
  process.stdout.write(`${begun.length} requests, at most ${Math.max(...overtakers)} overtook another one\n`);
  expect(called).toHaveLength(REQUESTS);
  expect(Math.max(...overtakers)).toBeLessThan(MOST_OVERTAKERS);
});
