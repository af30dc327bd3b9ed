/** A workflow task that a worker took and never gave back: the run goes on with the next one. */
import { expect, inject, it } from 'vitest';
import { post, unique, untilRecord } from '../support/api.ts';
import { runEntryFile } from '../support/process.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment, url } = await useDeployment({ together: false, worker: false });

it('costs three seconds and no call: the task comes again, and the late answer to it is refused', async () => {
  const proxy = await startTcpProxy(inject('temporalAddress'));
  const worker = runEntryFile('src/worker.ts', {
    TEMPORAL_ADDRESS: proxy.address,
    REQRUN_TASK_QUEUE: deployment.taskQueue,
    OPENAI_BASE_URL: upstream.baseURL,
  });
  await worker.untilOutput('"ready"');
  const before = unique('before');
  await post(url, { model: before, idempotency_key: before, wait: 20 });
  // Its polls are with Temporal already; what it answers is swallowed.
  proxy.silence('requests');
  const key = unique('lost');
  await post(url, { model: key, idempotency_key: key });
  await until(
    () => deployment.client.workflow.getHandle(key).fetchHistory(),
    ({ events }) => events?.some((event) => event.workflowTaskTimedOutEventAttributes) === true,
  );
  expect(upstream.hits(key)).toHaveLength(0);
  proxy.silence('none');
  const record = await untilRecord(url, key, ({ terminal }) => terminal, 40_000);
  expect(record).toMatchObject({ status: 'completed', attempts: 1, unknown_attempts: 0 });
  expect(upstream.hits(key)).toHaveLength(1);
  const { events = [] } = await deployment.client.workflow.getHandle(key).fetchHistory();
  const started = events?.[0]?.workflowExecutionStartedEventAttributes;
  expect(Number(started?.workflowTaskTimeout?.seconds)).toBe(3);
  // Two answers to the same first task, the late one and the second: one of them was taken.
  expect(events?.filter((event) => event.activityTaskScheduledEventAttributes)).toHaveLength(1);
  await worker.end('SIGTERM');
  proxy.close();
});
