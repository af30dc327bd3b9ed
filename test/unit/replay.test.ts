import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, Worker, type WorkflowBundle } from '@temporalio/worker';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import { installRuntime } from '../../src/process/run-entry.ts';
import { loadWorkflowBundle, PAYLOAD_CONVERTER_PATH } from '../../src/temporal/worker/workflow-bundle.ts';

const FOLDER = fileURLToPath(new URL('../histories/', import.meta.url));
const recorded = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.json'),
);

beforeAll(() => installRuntime(pino({ level: 'silent' })));

const KINDS = ['completed', 'retried', 'failed', 'cancelled-in-call', 'cancelled-in-backoff', 'out-of-time'];
const SINCE_0_2_0 = ['run-again', 'reset', 'deletion', 'embeddings'];

async function replay(workflowBundle: WorkflowBundle, name: string): Promise<Error | undefined> {
  const history = historyFromJSON(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')));
  const options = { workflowBundle, dataConverter: { payloadConverterPath: PAYLOAD_CONVERTER_PATH } };
  const results = Worker.runReplayHistories(options, [{ workflowId: name, history }]);
  for await (const { error } of results) return error;
  throw new Error('nothing was replayed');
}

describe('an open run of every released version', () => {
  it.each(recorded)('goes on under the workflows of today: %s', async (name) => {
    expect(await replay(await loadWorkflowBundle(), name)).toBeUndefined();
  });

  it('has all its kinds recorded for each version, so that nothing passes for want of a history', () => {
    const versions = new Set(recorded.map((name) => name.split('/')[0]));
    expect([...versions]).toContain('0.1.0');
    for (const version of versions) {
      const kinds = version === '0.1.0' ? KINDS : [...KINDS, ...SINCE_0_2_0];
      const kept = recorded.filter((name) => name.startsWith(`${version}/`));
      expect(kept.toSorted()).toEqual(kinds.map((kind) => `${version}/${kind}.json`).toSorted());
    }
  });

  it('would not go on under a workflow that was changed without a patch', async () => {
    const changed = join(mkdtempSync(join(tmpdir(), 'changed-')), 'workflows.ts');
    const source =
      "import { sleep } from '@temporalio/workflow';\nexport async function durableRequest() { await sleep(1); }\n";
    writeFileSync(changed, source);
    const bundle = await bundleWorkflowCode({
      workflowsPath: changed,
      payloadConverterPath: PAYLOAD_CONVERTER_PATH,
      logger: { trace() {}, debug() {}, info() {}, warn() {}, error() {}, log() {} },
      webpackConfigHook: (config) => ({
        ...config,
        resolve: {
          ...config.resolve,
          modules: [fileURLToPath(new URL('../../node_modules', import.meta.url))],
        },
      }),
    });
    expect(await replay(bundle, '0.1.0/completed.json')).toMatchObject({ name: 'DeterminismViolationError' });
  });
});
