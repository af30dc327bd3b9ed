/** What was read of a closed run is not read again; whether it is still the newest is asked every time. */
import { describe, expect, it, vi } from 'vitest';
import { createAvailability } from '../../src/temporal/calls/availability.ts';
import { createRunFinder, oursOrNull } from '../../src/temporal/store/find-run.ts';
import { createCallBudget } from '../../src/temporal/calls/call-budget.ts';
import { act, post, readRecord, remove, unique, untilRecord } from '../support/api.ts';
import { ok } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';
import type { TextOrRef } from '../../src/domain/raw-json.ts';
import { toRequestRef } from '../../src/domain/request-id.ts';

const { upstream, deployment, url } = await useDeployment();
const { client } = deployment;
const availability = createAvailability(async () => undefined);
const settings = () => ({ namespace: 'default', uiUrl: null, retentionMs: null });
const histories = vi.spyOn(client.workflowService, 'getWorkflowExecutionHistoryReverse');

describe('a closed run', () => {
  it('has its history read once, however often the record is asked for', async () => {
    const runs = createRunFinder(client, availability, settings);
    const key = unique('closed');
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    await client.workflow.result(key);
    const look = () => runs.look(toRequestRef({ project: 'default', id: key }), createCallBudget());
    const [first, second] = [oursOrNull(await look()), oursOrNull(await look())];
    const seen = (run: typeof first) => [
      run?.stored.record,
      run?.journal,
      Buffer.from(inlineOf(run?.stored.result)).toString(),
    ];
    expect(seen(second)).toEqual(seen(first));
    expect(first?.stored.record.status).toBe('completed');
    // Not a view of the whole message it came in, which holds the prompt as well.
    const kept = inlineOf(second?.stored.result);
    expect(kept.buffer.byteLength).toBe(kept.byteLength);
    expect(histories).toHaveBeenCalledTimes(1);
  });

  it('is not taken for the request once another process has run that again, or deleted it', async () => {
    const key = unique('again');
    upstream.script(key, { answer: 400, body: {} }, ok('second'));
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    const runs = createRunFinder(client, availability, settings);
    const look = () => runs.look(toRequestRef({ project: 'default', id: key }), createCallBudget());
    await expect(look()).resolves.toMatchObject({ stored: { record: { status: 'failed' } } });
    await act(url, key, 'retry');
    await untilRecord(url, key, ({ terminal }) => terminal);
    await expect(look()).resolves.toMatchObject({ stored: { record: { status: 'completed', run: 2 } } });
    expect(await readRecord(url, key)).toMatchObject({ status: 'completed', run: 2 });
    await remove(url, key);
    expect(['being deleted', 'nothing']).toContain(await look());
  });
});

/** The bytes of a result that is in Temporal. */
function inlineOf(result: TextOrRef | null | undefined): Uint8Array {
  if (!(result instanceof Uint8Array)) throw new Error('the result is not in Temporal');
  return result;
}
