/**
 * Unmodified clients and their streams: what each sees of an answer, of a failure, and of an attempt that breaks off. The
 * programs stand in test/clients; docs/streams.md has the table.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/pages.ts';
import { unique } from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { installNpmClients, installPythonClients, run } from '../support/installed-clients.ts';
import { startScriptedUpstream } from '../support/scripted-upstream.ts';
import { CHAT_SITUATIONS, RESPONSE_SITUATIONS } from '../support/stream-situations.ts';

const INSTALL_MS = 300_000;
const PLAY_MS = 120_000;
const PROGRAMS = `${ROOT}test/clients/programs`;
const upstream = await startScriptedUpstream();
const deployment = await startDeployment({ upstreamURL: upstream.baseURL });
const commenting = await startDeployment({
  upstreamURL: upstream.baseURL,
  streamTimes: { keepaliveMs: 20, unreadMs: 60_000 },
});
let python = '';
beforeAll(async () => {
  await installNpmClients();
  python = await installPythonClients();
}, INSTALL_MS);
afterAll(async () => {
  await deployment.stop();
  await commenting.stop();
  await upstream.close();
});

/** What a program shows of one call. */
type Seen = Readonly<Record<string, unknown>>;
/** By the name of the situation. */
type SeenInEach = Readonly<Record<string, Seen>>;

/** Plays every way to stream through every situation. Resolves to what was seen, by way and situation. */
async function play(command: string, program: string, ways: readonly string[]): Promise<unknown> {
  const prefix = unique('seen');
  const calls = new Map<string, number>();
  for (const way of ways) {
    const situations = way.startsWith('chat') ? CHAT_SITUATIONS : RESPONSE_SITUATIONS;
    for (const [situation, steps] of Object.entries(situations)) {
      const model = `${prefix}-${way.replaceAll(' ', '-')}-${situation}`;
      upstream.script(model, ...steps);
      calls.set(model, steps.length);
    }
  }
  const printed = await run(command, [`${PROGRAMS}/${program}`], {
    BASE_URL: `${deployment.url}/v1`,
    KEEPALIVE_URL: `${commenting.url}/v1`,
    PREFIX: prefix,
  });
  process.stdout.write(`$ ${program}\n${printed}\n`);
  // No client makes the upstream do more than was scripted, by whatever it repeats.
  expect(new Map([...calls.keys()].map((model) => [model, upstream.hits(model).length]))).toEqual(calls);
  const seen: Record<string, Record<string, unknown>> = {};
  for (const line of printed.trimEnd().split('\n')) {
    const [, way = '', situation = '', what = ''] = /^([^,]+), ([^:]+): (.*)$/.exec(line) ?? [];
    (seen[way] ??= {})[situation] = JSON.parse(what);
  }
  return seen;
}

const TOOL = ['add', '{"a":2,"b":2}'];
const interrupted = ['APIError', null, 'stream_interrupted'];

/** What plain iteration sees. */
const CHAT = {
  text: { text: 'Hello', end: 'stop' },
  tool: { tools: [TOOL], end: 'tool_calls' },
  refused: { error: ['InternalServerError', 502, 'invalid_api_key'] },
  'too-long': { error: ['BadRequestError', 400, 'context_length_exceeded'] },
  'broken-text': { text: 'lost', error: interrupted },
  'broken-text again': { text: 'good', end: 'stop' },
  'broken-tool': { tools: [['add', '{"a":2']], error: interrupted },
  'broken-tool again': { tools: [TOOL], end: 'tool_calls' },
  'broken-after-tool': { tools: [TOOL], error: interrupted },
  'broken-after-tool again': { tools: [TOOL], end: 'tool_calls' },
  cancelled: { text: 'a', error: ['APIError', null, 'request_cancelled'] },
  silent: { text: 'Hello', end: 'stop' },
  'refused-late': { error: ['APIError', null, 'upstream_auth_failed'] },
} satisfies SeenInEach;

/** A helper shows a tool call when the call is whole. */
const CHAT_HELPER = {
  ...CHAT,
  'broken-tool': { error: interrupted },
  'broken-after-tool': { error: interrupted },
} satisfies SeenInEach;

const RESPONSES = {
  ...CHAT,
  text: { text: 'Hello', end: 'completed' },
  tool: { tools: [TOOL], end: 'completed' },
  items: { text: 'Hello', reasoning: 'Add them.', tools: [TOOL], end: 'completed' },
  'broken-text again': { text: 'good', end: 'completed' },
  'broken-tool': { error: interrupted },
  'broken-tool again': { tools: [TOOL], end: 'completed' },
  'broken-after-tool again': { tools: [TOOL], end: 'completed' },
  silent: { text: 'Hello', end: 'completed' },
} satisfies SeenInEach;

/** Leaves after its first delta. Nothing of another attempt follows it. */
const superseded = ['ConflictError', 409, 'stream_superseded'];
const RETRIEVED = {
  ...RESPONSES,
  'broken-text': { text: 'lo', error: superseded },
  'broken-tool': { error: superseded },
  'broken-after-tool': { error: superseded },
  cancelled: { text: 'a', error: ['ConflictError', 409, 'request_cancelled'] },
} satisfies SeenInEach;

const OFFICIAL = {
  'chat plain': CHAT,
  'chat helper': CHAT_HELPER,
  'responses plain': RESPONSES,
  'responses helper': RESPONSES,
  'responses retrieved': RETRIEVED,
};

describe('an unmodified client', () => {
  it(
    'in JavaScript, of OpenAI, sees one attempt in each stream, and every error',
    async () => {
      const seen = await play(process.execPath, 'openai-js-streams.mjs', Object.keys(OFFICIAL));
      expect(seen).toEqual(OFFICIAL);
    },
    PLAY_MS,
  );

  it(
    'in Python, of OpenAI, sees the same',
    async () => {
      expect(await play(python, 'openai_python_streams.py', Object.keys(OFFICIAL))).toEqual(OFFICIAL);
    },
    PLAY_MS,
  );

  it(
    'of Vercel runs no tool of an attempt that broke off',
    async () => {
      const ran = ['add', 4];
      const broken = { end: 'error', error: ['AI_StreamProviderError', 500, 'stream_interrupted'] };
      const chat = {
        ...CHAT,
        tool: { tools: [ran], end: 'tool-calls' },
        refused: { error: ['AI_APICallError', 502, 'invalid_api_key'] },
        'too-long': { error: ['AI_APICallError', 400, 'context_length_exceeded'] },
        'broken-text': { text: 'lost', ...broken },
        'broken-tool': broken,
        'broken-tool again': { tools: [ran], end: 'tool-calls' },
        'broken-after-tool': broken,
        'broken-after-tool again': { tools: [ran], end: 'tool-calls' },
        cancelled: { text: 'a', end: 'error', error: ['AI_StreamProviderError', 400, 'request_cancelled'] },
        'refused-late': { error: ['AI_APICallError', 500, null] },
      };
      const responses = {
        ...chat,
        items: { text: 'Hello', reasoning: 'Add them.', tools: [ran], end: 'tool-calls' },
        'refused-late': { error: ['AI_APICallError', 500, 'upstream_auth_failed'] },
      };
      const expected = { 'chat streamText': chat, 'responses streamText': responses };
      const seen = await play(process.execPath, 'ai-sdk-streams.mjs', Object.keys(expected));
      expect(seen).toEqual(expected);
    },
    PLAY_MS,
  );

  it(
    'of LangChain sees one attempt in each stream, and every error',
    async () => {
      // It completes the JSON of arguments that it has a part of.
      const tool = { 'broken-tool': { tools: [['add', '{"a":2}']], error: interrupted } };
      const expected = { 'chat stream': { ...CHAT, ...tool }, 'responses stream': { ...RESPONSES, ...tool } };
      const seen = await play(process.execPath, 'langchain-streams.mjs', Object.keys(expected));
      expect(seen).toEqual(expected);
    },
    PLAY_MS,
  );
});
