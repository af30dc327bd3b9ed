/** By what an operator finds runs in Temporal: set at the start, and only where the namespace knows it. */
import { Connection } from '@temporalio/client';
import { msNumberToTs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { BUILD_ID, FOREKNOWN_BUILD } from '../../src/temporal/search-attributes.ts';
import { IndexedValueType } from '../../src/temporal/sdk-internals.ts';
import { act, get, post, recordIn, unique } from '../support/api.ts';
import { startDeployment, type Deployment } from '../support/deployment.ts';
import { bearer, makeKeysFile } from '../support/keys-file.ts';
import { ok } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const keys = await makeKeysFile();
afterAll(() => keys.remove());
const project = unique('found');
const caller = bearer((await keys.create(project)).key);
const byDefault = bearer((await keys.create('default')).key);
const env = { REQRUN_KEYS_FILE: keys.path };
const { url, upstream, deployment } = await useDeployment({ env });

async function attributesOf({ client }: Deployment, workflowId: string): Promise<Record<string, unknown>> {
  const { typedSearchAttributes } = await client.workflow.getHandle(workflowId).describe();
  const all = typedSearchAttributes.getAll().map(({ key, value }): [string, unknown] => [key.name, value]);
  return Object.fromEntries(all.filter(([name]) => name.startsWith('ReqRun')));
}

describe('a run of a project', () => {
  it('is found by the project’s name and its model, and so is its retry by hand; nothing is set later', async () => {
    const id = unique('a');
    upstream.script(id, { answer: 400, body: {} }, ok());
    await post(url, { model: id, idempotency_key: id, wait: 20 }, caller);
    const retried = await act(url, id, 'retry', undefined, caller);
    expect(recordIn(await get(url, `/v1/requests/${id}?wait=20`, caller)).status).toBe('completed');
    const workflowId = `@${project}/${id}`;
    expect(await attributesOf(deployment, workflowId)).toEqual({ ReqRunModel: id, ReqRunProject: project });
    const ids = await findRuns(`ReqRunProject = '${project}'`);
    expect(ids).toEqual([workflowId, workflowId]);
    const { client } = deployment;
    const history = await client.workflow
      .getHandle(workflowId, recordIn(retried).temporal.run_id)
      .fetchHistory();
    const upserts = history.events?.filter((event) => event.upsertWorkflowSearchAttributesEventAttributes);
    expect(upserts).toEqual([]);
  });

  it('bears no project’s name where that is the default one, and is found by this', async () => {
    const id = unique('b');
    await post(url, { model: id, idempotency_key: id, wait: 20 }, byDefault);
    await post(url, { model: id, idempotency_key: id, wait: 20 }, caller);
    expect(await attributesOf(deployment, id)).toEqual({ ReqRunModel: id });
    expect(await findRuns(`ReqRunModel = '${id}'`)).toEqual([`@${project}/${id}`, id]);
    expect(await findRuns(`ReqRunModel = '${id}' AND ReqRunProject IS NULL`, 1)).toEqual([id]);
  });

  it('names its worker build from its start, in the form that the server would write later', async () => {
    const id = unique('build');
    await post(url, { model: id, idempotency_key: id, wait: 20 }, byDefault);
    const handle = deployment.client.workflow.getHandle(id);
    await handle.result();
    const [start] = (await handle.fetchHistory()).events ?? [];
    const given = start?.workflowExecutionStartedEventAttributes?.searchAttributes?.indexedFields ?? {};
    const { raw, typedSearchAttributes } = await handle.describe();
    const atTheEnd = typedSearchAttributes.getAll().find(({ key }) => key.name === 'BuildIds');
    // Had the server anything to add, it would stand here, and would have cost a write.
    expect(atTheEnd).toEqual(FOREKNOWN_BUILD);
    expect(Object.keys(given)).toContain('BuildIds');
    expect(raw.workflowExecutionInfo?.mostRecentWorkerVersionStamp?.buildId).toBe(BUILD_ID);
  });

  /** The ids of so many runs; visibility is a moment late. */
  async function findRuns(query: string, count = 2): Promise<string[]> {
    const list = async (): Promise<string[]> => {
      const ids: string[] = [];
      for await (const { workflowId } of deployment.client.workflow.list({ query })) ids.push(workflowId);
      return ids.toSorted();
    };
    return until(list, (ids) => ids.length === count);
  }
});

describe('a namespace of an operator', () => {
  let connection: Connection;
  beforeAll(async () => {
    connection = await Connection.connect({ address: inject('temporalAddress') });
  });
  afterAll(() => connection.close());

  async function makeNamespace(): Promise<string> {
    const namespace = unique('namespace');
    const workflowExecutionRetentionPeriod = msNumberToTs(24 * 3_600_000);
    await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod });
    return namespace;
  }
  async function register(
    namespace: string,
    name: string,
    type: keyof typeof IndexedValueType,
  ): Promise<void> {
    const searchAttributes = { [name]: IndexedValueType[type] };
    // The server learns of a new namespace a moment later.
    await until(
      () =>
        connection.operatorService.addSearchAttributes({ namespace, searchAttributes }).then(
          () => true,
          () => false,
        ),
      Boolean,
      30_000,
    );
    await until(
      () => connection.operatorService.listSearchAttributes({ namespace }),
      ({ customAttributes }) => name in customAttributes,
    );
  }
  /** What a run is given by an API that was started now. */
  async function givenNow(namespace: string): Promise<unknown> {
    const parts = { namespace, together: false, worker: false, env };
    const api = await startDeployment({ ...parts, upstreamURL: upstream.baseURL });
    const id = unique('given');
    await until(
      () => post(api.url, { model: 'm', idempotency_key: id }, caller),
      ({ status }) => status === 202,
      30_000,
    );
    return attributesOf(api, `@${project}/${id}`).finally(() => api.stop());
  }

  it('gets what it knows of the two, and a start fails for neither', async () => {
    const namespace = await makeNamespace();
    expect(await givenNow(namespace)).toEqual({});
    await register(namespace, 'ReqRunModel', 'INDEXED_VALUE_TYPE_KEYWORD');
    expect(await givenNow(namespace)).toEqual({ ReqRunModel: 'm' });
    await register(namespace, 'ReqRunProject', 'INDEXED_VALUE_TYPE_KEYWORD');
    expect(await givenNow(namespace)).toEqual({ ReqRunModel: 'm', ReqRunProject: project });
  });

  it('gets none that it knows as something else than a keyword, because every start would fail', async () => {
    const namespace = await makeNamespace();
    await register(namespace, 'ReqRunProject', 'INDEXED_VALUE_TYPE_INT');
    await register(namespace, 'ReqRunModel', 'INDEXED_VALUE_TYPE_KEYWORD');
    expect(await givenNow(namespace)).toEqual({ ReqRunModel: 'm' });
  });
});
