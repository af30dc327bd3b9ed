/** A caller is answered once Temporal has the result; the workflow learns of it by its next task, later. */
import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { get, post, readRecord, unique } from '../support/api.ts';
import { captureLog } from '../support/captured-log.ts';
import { completion } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

/** Longer than a test may take: nobody is answered because a wait is over. */
const WAIT_SECONDS = 240;

const { log, lines: logged } = captureLog('info');
const { upstream, deployment, url } = await useDeployment({ log });

describe('a call that is answered while its run gets no workflow task', () => {
  it('is answered to its callers, and is the record: its result is durable', async () => {
    const key = unique('paused');
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    upstream.script(key, { answer: 200, body: completion({ content: 'at once' }), after: released });
    const answers = [post(url, { model: key, idempotency_key: key, wait: WAIT_SECONDS })];
    await upstream.untilHits(key, 1);
    const { client } = deployment;
    const named = { namespace: 'default', workflowId: key };
    await client.workflowService.pauseWorkflowExecution({ ...named, identity: 'test', reason: 'no tasks' });
    answers.push(post(url, { model: key, idempotency_key: key, wait: WAIT_SECONDS }));
    expect(await readRecord(url, key)).toMatchObject({ status: 'processing', terminal: false, error: null });
    release();
    for (const { status, text } of await Promise.all(answers)) {
      expect([status, text.includes('at once')]).toEqual([200, true]);
    }
    const handle = client.workflow.getHandle(key);
    const { events } = await handle.fetchHistory();
    expect(events?.at(-1)?.activityTaskCompletedEventAttributes?.identity).toBe('test-service');
    const record = await readRecord(url, key);
    expect(record).toMatchObject({ status: 'completed', terminal: true, attempts: 1 });
    const bytes = (await get(url, `/v1/requests/${key}`)).text;

    await client.workflowService.unpauseWorkflowExecution({ ...named, identity: 'test', reason: 'go on' });
    await until(
      () => handle.describe(),
      ({ status }) => status.name === 'COMPLETED',
    );
    expect((await get(url, `/v1/requests/${key}`)).text).toBe(bytes);
    expect(upstream.hits(key)).toHaveLength(1);
  });
});

describe('an attempt that Temporal has given up on', () => {
  it('does not return its late result to the caller, who gets the recorded result', async () => {
    const key = unique('given-up');
    const late = Promise.withResolvers<void>();
    const next = Promise.withResolvers<void>();
    upstream.script(
      key,
      { answer: 200, body: completion({ content: 'too late' }), after: late.promise },
      { answer: 200, body: completion({ content: 'in time' }), after: next.promise },
    );
    const answer = post(url, { model: key, idempotency_key: key, wait: WAIT_SECONDS });
    await upstream.untilHits(key, 1);
    const failure = ApplicationFailure.create({ message: 'given up', nextRetryDelay: 1 });
    await deployment.client.activity.fail({ workflowId: key, activityId: '1' }, failure);
    // Before its first heartbeat, a second after its beginning: that would tell it, and break its call off.
    late.resolve();
    await until(
      () => logged.filter((line) => line.includes(key)),
      (lines) => lines.some((line) => /attempt (succeeded|interrupted)/.test(line)),
    );
    await upstream.untilHits(key, 2);
    next.resolve();
    expect((await answer).text).toContain('in time');
    expect((await get(url, `/v1/requests/${key}`)).text).toContain('in time');
    expect(upstream.hits(key)).toHaveLength(2);
  });
});
