/** `reqrun requests` as a process of its own: what it prints, and the exit code that a script reads. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { get, recordIn, unique } from '../support/api.ts';
import { type CommandOptions, type CommandResult, runCommand } from '../support/cli.ts';
import { startDeployment } from '../support/deployment.ts';
import { freePort } from '../support/free-port.ts';
import { makeKeysFile } from '../support/keys-file.ts';
import { ok } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

// Each command is a process of its own, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 300_000 });

const { upstream, url } = await useDeployment();
const folder = await mkdtemp(join(tmpdir(), 'reqrun-cli-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const requests = (args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> =>
  runCommand(['requests', ...args], { ...options, env: { REQRUN_URL: url, ...options.env } });
const bodyOf = (model: string, fields: object = {}): string =>
  JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], ...fields });
async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}
const codeIn = ({ stderr }: CommandResult): unknown =>
  JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error.code;

describe('reqrun requests create', () => {
  it('makes a durable call from stdin and prints its result, so that a script can use it', async () => {
    const model = unique('cli');
    upstream.script(model, ok('from a shell'));
    const made = await requests(['create', '--key', model, '--wait'], { stdin: bodyOf(model) });
    expect([made.code, made.stderr]).toEqual([0, '']);
    expect(JSON.parse(made.stdout).choices[0].message.content).toBe('from a shell');
    const again = await requests(['create', '--key', model, '--wait'], { stdin: bodyOf(model) });
    expect(again).toEqual(made);
    expect(upstream.hits(model)).toHaveLength(1);
  });

  it('sends every digit of the body and the options of the command line', async () => {
    const model = unique('cli');
    upstream.script(model, ok('exact'));
    const file = join(folder, 'body.json');
    await writeFile(file, bodyOf(model).replace('{', '{ "seed": 9007199254740993123,'));
    const made = await requests(['create', file, '--key', model, '--max-attempts', '3', '--json']);
    expect([made.code, JSON.parse(made.stdout).id]).toEqual([0, model]);
    expect((await requests(['wait', model])).code).toBe(0);
    expect(upstream.hits(model)[0]?.body).toContain('9007199254740993123');
    expect(recordIn(await get(url, `/v1/requests/${model}`))).toMatchObject({ max_attempts: 3 });
  });

  it('gives a call without a key a key of its own, and prints only that, because a script keeps it', async () => {
    const model = unique('cli');
    upstream.script(model, ok('unnamed'));
    const { code, stdout } = await requests(['create'], { stdin: bodyOf(model) });
    expect([code, stdout.trim()]).toEqual([0, expect.stringMatching(/^cli-[0-9a-f-]{36}$/)]);
    expect((await requests(['wait', stdout.trim()])).stdout).toContain('unnamed');
  });

  it('ends with 5 and the API’s envelope where the call is refused', async () => {
    const refused = await requests(['create'], { stdin: '{"model":"m","messages":[]}' });
    expect([refused.code, refused.stdout, codeIn(refused)]).toEqual([5, '', 'invalid_value']);
    const model = unique('cli');
    upstream.script(model, ok('first'));
    await requests(['create', '--key', model], { stdin: bodyOf(model) });
    const other = await requests(['create', '--key', model], { stdin: bodyOf(model, { seed: 1 }) });
    expect([other.code, codeIn(other)]).toEqual([5, 'idempotency_key_reused']);
  });

  it.each([
    ['a body that is no JSON', ['create'], 'nonsense', 'not valid JSON'],
    ['a body that is no object', ['create'], '[]', 'must be a JSON object'],
    ['a file that is not there', ['create', join(folder, 'gone.json')], '', 'ENOENT'],
    ['an option out of bounds', ['create', '--priority', '9'], '{}', '--priority'],
    ['a key in two places', ['create', '--key', 'a'], '{"idempotency_key":"b"}', 'not by both'],
    ['an operation that is none', ['create', '--operation', 'none'], '{}', 'chat.completions'],
    ['no id', ['get'], '', "missing required argument 'id'"],
    ['an unknown option', ['get', 'x', '--nonsense'], '', '--nonsense'],
    ['a wait that is no number', ['wait', 'x', '--timeout', 'soon'], '', 'number of seconds'],
    ['an address that is none', ['get', 'x', '--url', 'nonsense'], '', 'http or https URL'],
  ])('ends with 2 and sends nothing for %s', async (_what, args, stdin, words) => {
    const { code, stdout, stderr } = await requests(args, { stdin });
    expect([code, stdout, stderr.includes(words)]).toEqual([2, '', true]);
  });
});

describe('reqrun requests wait', () => {
  it('ends with 1 and the failure where the request failed, and prints the record for --json', async () => {
    const model = unique('cli');
    upstream.script(model, { answer: 401, body: { error: { message: 'no', code: 'invalid_api_key' } } });
    const failed = await requests(['create', '--key', model, '--wait'], { stdin: bodyOf(model) });
    expect([failed.code, failed.stdout, codeIn(failed)]).toEqual([1, '', 'upstream_auth_failed']);
    const json = await requests(['wait', model, '--json']);
    expect([json.code, JSON.parse(json.stdout).status]).toEqual([1, 'failed']);
    expect(codeIn(json)).toBe('upstream_auth_failed');
    expect((await requests(['get', model])).code).toBe(0);
  });

  it('ends with 4 where the request runs longer, and the request goes on', async () => {
    const model = unique('cli');
    const released = Promise.withResolvers<void>();
    upstream.script(model, { ...ok('late'), after: released.promise });
    await requests(['create', '--key', model], { stdin: bodyOf(model) });
    await upstream.untilHits(model, 1);
    const early = await requests(['wait', model, '--timeout', '1']);
    expect([early.code, early.stdout]).toEqual([4, '']);
    expect(early.stderr).toContain('it goes on');
    const json = await requests(['wait', model, '--timeout', '0', '--json']);
    expect([json.code, JSON.parse(json.stdout)]).toMatchObject([4, { id: model, terminal: false }]);
    released.resolve();
    expect((await requests(['wait', model])).stdout).toContain('late');
  });

  it('ends with 130 on Ctrl-C while it polls, and sends nothing that would cancel', async () => {
    const model = unique('cli');
    const released = Promise.withResolvers<void>();
    upstream.script(model, { ...ok('kept'), after: released.promise });
    await requests(['create', '--key', model], { stdin: bodyOf(model) });
    await upstream.untilHits(model, 1);
    const { text: record } = await get(url, `/v1/requests/${model}`);
    const methods: (string | undefined)[] = [];
    const polled = Promise.withResolvers<void>();
    // Stands between: the second poll is held, so that the signal comes while the command waits.
    const server = createServer(({ method }, response) => {
      if (methods.push(method) === 1) response.end(record);
      else polled.resolve();
    });
    const stopped = await requests(['wait', model, '--url', await listen(server)], {
      onStart: (child) => void polled.promise.then(() => child.kill('SIGINT')),
    });
    server.closeAllConnections();
    server.close();
    expect([stopped.code, stopped.stderr.trim()]).toEqual([130, 'interrupted; the request goes on']);
    expect(methods).toEqual(['GET', 'GET']);
    released.resolve();
    expect((await requests(['wait', model])).code).toBe(0);
  });
});

describe('reqrun requests', () => {
  it('cancels, runs again and deletes, with the API’s own document for --json', async () => {
    const model = unique('cli');
    upstream.script(model, { stall: 'headers' }, ok('after all'));
    await requests(['create', '--key', model], { stdin: bodyOf(model) });
    await upstream.untilHits(model, 1);
    const cancelled = await requests(['cancel', model, '--json']);
    expect([cancelled.code, JSON.parse(cancelled.stdout).object]).toEqual([0, 'request']);
    const ended = await requests(['wait', model]);
    expect([ended.code, codeIn(ended)]).toEqual([1, 'request_cancelled']);
    const again = await requests(['retry', model, '--deadline-seconds', '60', '--timeout', '30']);
    expect([again.code, again.stdout.includes('after all')]).toEqual([0, true]);
    const refused = await requests(['cancel', model]);
    expect([refused.code, codeIn(refused)]).toEqual([5, 'request_already_terminal']);
    const deleted = await requests(['delete', model, '--json']);
    expect([deleted.code, JSON.parse(deleted.stdout).deleted]).toEqual([0, true]);
    const gone = await requests(['get', model]);
    expect([gone.code, codeIn(gone)]).toEqual([5, 'request_not_found']);
  });

  it('shows a record as a table for a person, with its attempts', async () => {
    const model = unique('cli');
    upstream.script(model, { answer: 429, headers: { 'retry-after': '1' }, body: {} }, ok('then'));
    await requests(['create', '--key', model, '--wait'], { stdin: bodyOf(model) });
    const { stdout } = await requests(['get', model]);
    expect(stdout).toMatch(/^request +\S+\nstatus +completed\n/);
    expect(stdout).toMatch(/attempt +status +outcome +upstream +code +took\n1 +failed .*\n2 +succeeded/);
    const { text } = await get(url, `/v1/requests/${model}`);
    expect((await requests(['get', model, '--json'])).stdout.trim()).toBe(text);
  });

  it('ends with 3 where the service is away, and names the key to send the call again with', async () => {
    const away = { REQRUN_URL: `http://127.0.0.1:${await freePort()}` };
    const read = await requests(['get', 'x'], { env: away });
    expect([read.code, read.stderr]).toEqual([3, 'The service cannot be reached (ECONNREFUSED).\n']);
    const json = await requests(['get', 'x', '--json'], { env: away });
    expect([json.code, codeIn(json)]).toEqual([3, 'exit_3']);
    const made = await requests(['create'], { env: away, stdin: bodyOf('m') });
    expect([made.code, /--key cli-[0-9a-f-]{36}\n/.test(made.stderr)]).toEqual([3, true]);
  });

  it('ends with 3 where the service answers 503', async () => {
    const server = createServer((_request, response) =>
      response.writeHead(503, { 'retry-after': '0' }).end('{"error":{"code":"overloaded"}}'),
    );
    const busy = await requests(['get', 'x', '--url', `${await listen(server)}/v1`]);
    server.close();
    expect([busy.code, codeIn(busy)]).toEqual([3, 'overloaded']);
  });

  it('calls with an API key, and signs with the secret of a key that needs it', async () => {
    const keys = await makeKeysFile();
    const { key, secret } = await keys.createSigned('billing');
    const env = { REQRUN_KEYS_FILE: keys.path };
    const deployment = await startDeployment({ env, upstreamURL: upstream.baseURL });
    try {
      const model = unique('cli');
      upstream.script(model, ok('signed'));
      const caller = { REQRUN_URL: deployment.url, REQRUN_API_KEY: key };
      const unsigned = await requests(['get', model], { env: caller });
      expect([unsigned.code, codeIn(unsigned)]).toEqual([5, 'missing_signature']);
      const signed = { ...caller, REQRUN_SIGNING_SECRET: secret };
      const made = await requests(['create', '--wait'], { env: signed, stdin: bodyOf(model) });
      expect([made.code, made.stdout.includes('signed')]).toEqual([0, true]);
    } finally {
      await deployment.stop();
      await keys.remove();
    }
  });
});
