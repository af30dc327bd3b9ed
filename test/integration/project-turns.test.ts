/** Projects take turns where requests wait in Temporal's task queue because the worker has no place for them. */
import proto from '@temporalio/proto';
import { afterAll, expect, it } from 'vitest';
import { post, unique } from '../support/api.ts';
import { bearer, makeKeysFile } from '../support/keys-file.ts';
import { ok } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { TaskQueueType } = proto.temporal.api.enums.v1;

const keys = await makeKeysFile({ crowd: {}, single: {}, light: {}, heavy: { limits: { weight: 2 } } });
afterAll(() => keys.remove());
const callers = new Map<string, Record<string, string>>();
for (const project of ['crowd', 'single', 'light', 'heavy']) {
  callers.set(project, bearer((await keys.create(project)).key));
}
const { url, upstream, deployment } = await useDeployment({
  env: { REQRUN_KEYS_FILE: keys.path, REQRUN_MAX_ATTEMPTS_IN_FLIGHT: '1' },
});

/** Attempts that wait in the task queue. */
async function backlog(): Promise<number> {
  const { stats } = await deployment.client.workflowService.describeTaskQueue({
    namespace: 'default',
    taskQueue: { name: deployment.taskQueue },
    taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    reportStats: true,
  });
  return Number(stats?.approximateBacklogCount ?? 0);
}

/**
 * Has groups of requests accepted, one group after the other, while a call occupies the worker's only place. Resolves
 * to the projects in the order in which their calls arrive once the place is free.
 */
async function orderOfCalls(...groups: readonly (readonly [project: string, count: number])[]) {
  const model = unique('turns');
  const released = Promise.withResolvers<void>();
  upstream.script(model, { ...ok(), after: released.promise }, ok());
  const submit = async (project: string): Promise<void> => {
    expect((await post(url, { model, user: project }, callers.get(project))).status).toBe(202);
  };
  await submit('crowd');
  await upstream.untilHits(model, 1);
  let waiting = 0;
  for (const [project, count] of groups) {
    await Promise.all(Array.from({ length: count }, () => submit(project)));
    waiting += count;
    await until(backlog, (size) => size >= waiting);
  }
  released.resolve();
  await upstream.untilHits(model, waiting + 1);
  return upstream.hits(model).flatMap(({ body }, nth) => (nth === 0 ? [] : [String(JSON.parse(body).user)]));
}

it('calls for the only request of a project long before the crowd of another one is through', async () => {
  const order = await orderOfCalls(['crowd', 30], ['single', 1]);
  expect(order.indexOf('single')).toBeLessThan(5);
});

it('gives a project of twice the weight about twice the turns', async () => {
  const order = await orderOfCalls(['light', 20], ['heavy', 20]);
  const heavy = order.slice(0, 15).filter((project) => project === 'heavy').length;
  expect(heavy).toBeGreaterThanOrEqual(8);
  expect(heavy).toBeLessThanOrEqual(12);
});
