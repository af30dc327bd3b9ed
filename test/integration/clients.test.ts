/**
 * Unmodified clients of others against `/v1/responses`, and ReqRun against an upstream of others. Their programs stand
 * in test/clients; each prints what it saw.
 */
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/pages.ts';
import { ReqRun } from '../../src/client/index.ts';
import { unique } from '../support/api.ts';
import { startDeployment, type Deployment } from '../support/deployment.ts';
import { freePort } from '../support/free-port.ts';
import { installNpmClients, installPythonClients, run } from '../support/installed-clients.ts';
import { startResponsesUpstream } from '../support/responses-upstream.ts';
import { until } from '../support/until.ts';

const INSTALL_MS = 300_000;
const PROGRAMS = `${ROOT}test/clients/programs`;
const upstream = await startResponsesUpstream();
const deployment = await startDeployment({ upstreamURL: upstream.baseURL });
let python = '';
beforeAll(async () => {
  await installNpmClients();
  python = await installPythonClients();
}, INSTALL_MS);
afterAll(async () => {
  await deployment.stop();
  await upstream.close();
});

async function play(
  command: string,
  program: string,
  { url }: Pick<Deployment, 'url'> = deployment,
): Promise<string[]> {
  const printed = await run(command, [`${PROGRAMS}/${program}`], {
    BASE_URL: `${url}/v1`,
    KEY: unique('sdk'),
  });
  process.stdout.write(`$ ${program}\n${printed}\n`);
  return printed.trimEnd().split('\n');
}

/** What both official clients see. */
const OFFICIAL = [
  'held: "completed" "Hello."',
  'background: "queued" true true {"ticket":"842"}',
  'retrieved: "completed" "Hello." true true',
  'created again: "completed" "Hello." true',
  'input items: 1 "message" "user" "Say hello."',
  'next turn: "Hello again." true',
  'tool call: "add" "{\\"a\\":2,\\"b\\":2}"',
  'tool answer: "It is 4."',
  'text.format: "json_schema" {"answer":4}',
  'reasoning: "reasoning" "opaque"',
  'reasoning again: "Went on."',
  'unknown field: {"a":[1]} 15',
  'cancelled: "cancelled" "cancelled"',
  'deleted: "NotFoundError"',
  'failed: "failed" "invalid_prompt"',
  'failed while held: "BadRequestError" 400 "context_length_exceeded"',
  'models: ["gpt-test","slow","fails","stalls"] "gpt-test"',
];

describe('an unmodified client', () => {
  it('in JavaScript, of OpenAI, is a complete one', async () => {
    expect(await play(process.execPath, 'openai-js.mjs')).toEqual(OFFICIAL);
    expect(upstream.bodies.some((body) => 'background' in body)).toBe(false);
  });

  it('in Python, of OpenAI, is a complete one', async () => {
    expect(await play(python, 'openai_python.py')).toEqual(OFFICIAL);
  });

  it('of Vercel works with both of its providers', async () => {
    expect(await play(process.execPath, 'ai-sdk.mjs')).toEqual([
      'openai.responses: "Hello." "stop" 15',
      'previousResponseId: "Hello again." true',
      'tools: 2 "It is 4."',
      'open-responses: "Hello." "stop" 15',
      'open-responses tools: 2 "It is 4."',
    ]);
  });
});

it('the typed client creates Responses with keys of its own, and waits for any operation', async () => {
  const reqrun = new ReqRun({ baseURL: `${deployment.url}/v1` });
  const key = unique('typed');
  const created = await reqrun.responses.create({
    model: 'slow',
    input: 'hi',
    idempotency_key: key,
    wait: false,
  });
  expect([created.id, created.status]).toEqual([key, 'queued']);
  const record = await reqrun.requests.wait(key);
  expect(record).toMatchObject({ status: 'completed', operation: 'responses', usage: { total_tokens: 15 } });
  const held = await reqrun.responses.create({ model: 'gpt-test', input: 'hi' });
  expect([held.status, held.output_text, held.id.startsWith('stainless')]).toEqual([
    'completed',
    'Hello.',
    true,
  ]);
});

describe('over an upstream of another project', () => {
  it('background, tools and other operations work, although it knows no background', async () => {
    const port = await freePort();
    const mock = spawn(
      process.execPath,
      [
        `${ROOT}test/clients/node_modules/@copilotkit/aimock/dist/cli.js`,
        ...['-p', String(port), '-f', `${ROOT}test/clients/aimock.json`, '--log-level', 'silent'],
      ],
      { stdio: 'ignore' },
    );
    const upstreamURL = `http://127.0.0.1:${port}/v1`;
    await until(
      () =>
        fetch(`${upstreamURL}/models`).then(
          ({ ok }) => ok,
          () => false,
        ),
      (isUp) => isUp,
    );
    const over = await startDeployment({ upstreamURL });
    try {
      expect(await play(process.execPath, 'over-aimock.mjs', over)).toEqual([
        'held: "completed" "Hello from aimock."',
        'background: "queued" true',
        'retrieved: "completed" "Hello from aimock." true',
        'tool call: "add" "{\\"a\\":2,\\"b\\":2}"',
        'tool answer: "It is four."',
        'chat: "Hello from aimock."',
        'embeddings: true',
        'moderations: false',
      ]);
    } finally {
      await over.stop();
      mock.kill();
    }
  });
});
