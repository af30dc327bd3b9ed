/** The workflow's own word: the query `record`, for the Temporal UI and CLI, and the one place where the API asks it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, inject, it, vi } from 'vitest';
import type { WorkflowRecord } from '../../src/domain/run-contract.ts';
import { act, get, post, readRecord, unique, untilRecord } from '../support/api.ts';
import { ok } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment, url } = await useDeployment();
const { client } = deployment;
const run = promisify(execFile);

function ask(key: string): Promise<WorkflowRecord> {
  return client.workflow.getHandle(key).query('record');
}

describe('the query `record`', () => {
  it('answers while the call runs with what the request is, and leaves open what only Temporal knows', async () => {
    const key = unique('open');
    const release = Promise.withResolvers<void>();
    upstream.script(key, { ...ok(), after: release.promise });
    await post(url, { model: key, idempotency_key: key, reqrun: { max_attempts: 3 } });
    await upstream.untilHits(key, 1);
    const { created_at, deadline_at } = await readRecord(url, key);
    expect(await ask(key)).toMatchObject({
      id: key,
      status: null,
      terminal: false,
      attempts: null,
      operation: 'chat.completions',
      model: key,
      run: 1,
      options: { max_attempts: 3 },
      created_at,
      deadline_at,
    });
    release.resolve();
    await untilRecord(url, key, ({ terminal }) => terminal);
  });

  it.each([
    ['completed', [ok()], null],
    ['failed', [{ answer: 400, body: {} }], 'upstream_rejected'],
    ['cancelled', [{ stall: 'headers' as const }], 'request_cancelled'],
  ] as const)('answers as the record reads once the run has %s', async (status, steps, code) => {
    const key = unique(status);
    upstream.script(key, ...steps);
    await post(url, { model: key, idempotency_key: key });
    await upstream.untilHits(key, 1);
    if (status === 'cancelled') await act(url, key, 'cancel');
    const record = await untilRecord(url, key, ({ terminal }) => terminal);
    const answer = await ask(key);
    expect(answer).toMatchObject({ status, terminal: true, attempts: record.attempts });
    expect(answer.error?.code ?? null).toBe(code);
    expect(record.status).toBe(status);
  });

  it('counts on over the runs of a retry by hand', async () => {
    const key = unique('again');
    upstream.script(key, { answer: 400, body: {} }, ok());
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    const { temporal } = await readRecord(url, key);
    await act(url, key, 'retry');
    await untilRecord(url, key, ({ status }) => status === 'completed');
    expect(await ask(key)).toMatchObject({
      run: 2,
      previous_run_id: temporal.run_id,
      attempts: 2,
      attempts_of_earlier_runs: 1,
    });
  });

  it('is answered to the Temporal CLI', async () => {
    const key = unique('cli');
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    const { stdout } = await run(inject('temporalBinary'), [
      ...['workflow', 'query', '--type', 'record', '--workflow-id', key],
      ...['--address', inject('temporalAddress'), '--output', 'json'],
    ]);
    expect(stdout).toContain('"status":');
    expect(stdout).toContain('completed');
  });
});

it('is asked neither for a run that is open and pending, nor for one that has closed', async () => {
  const queries = vi.spyOn(client.workflowService, 'queryWorkflow');
  const key = unique('unasked');
  const release = Promise.withResolvers<void>();
  upstream.script(key, { ...ok(), after: release.promise });
  await post(url, { model: key, idempotency_key: key });
  await upstream.untilHits(key, 1);
  await get(url, `/v1/requests/${key}`);
  release.resolve();
  await client.workflow.result(key);
  await get(url, `/v1/requests/${key}`);
  expect(queries).not.toHaveBeenCalled();
});
