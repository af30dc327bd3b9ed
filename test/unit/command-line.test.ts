import { describe, expect, it } from 'vitest';
import { loadClientSettings } from '../../src/config.ts';
import { withOwnFields } from '../../src/cli/body.ts';
import { isNodeRecentEnough } from '../../src/cli/node-version.ts';
import { describeProgress, renderRecord, resultText, table } from '../../src/cli/render.ts';
import { CreateOptions, requestOptions } from '../../src/cli/request-options.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import { RetryOptions } from '../../src/domain/options.ts';
import { RequestRecord } from '../../src/domain/record.ts';
import { page } from '../support/markdown.ts';

const NONE = { key: null, options: {} };

describe('the body of a command', () => {
  it('keeps its text, because numbers and spacing must reach the upstream as they are', () => {
    const text = ' {\n "seed": 9007199254740993123, "x": 1.0 }\n';
    expect(withOwnFields(text, NONE)).toEqual({ text, key: null });
    expect(withOwnFields(text, { key: 'k', options: { max_attempts: 2 } })).toEqual({
      text: ' {"idempotency_key":"k","reqrun":{"max_attempts":2},\n "seed": 9007199254740993123, "x": 1.0 }\n',
      key: 'k',
    });
    expect(withOwnFields('{ }', { key: 'k', options: {} }).text).toBe('{"idempotency_key":"k" }');
  });

  it('may have its key itself', () => {
    expect(withOwnFields('{"idempotency_key":"own"}', NONE).key).toBe('own');
  });

  it('is refused if a field is set twice, because one of both would be ignored', () => {
    const both = () => withOwnFields('{"reqrun":{}}', { key: null, options: { priority: 1 } });
    expect(both).toThrow('reqrun can be set');
  });
});

describe('the options of a command', () => {
  it('are those of the API, by its names', () => {
    expect(
      requestOptions({ maxAttempts: '3', onUnknownOutcome: 'fail', deadlineSeconds: '60' }, RetryOptions),
    ).toEqual({
      max_attempts: 3,
      on_unknown_outcome: 'fail',
      deadline_seconds: 60,
    });
    expect(requestOptions({ maxAttempts: 'null', runAt: '90' }, CreateOptions)).toEqual({
      max_attempts: null,
      run_at: 90,
    });
    expect(() => requestOptions({ maxAttempts: '0', priority: 'x' }, RetryOptions)).toThrow(
      /--max-attempts.*\n.*--priority/,
    );
  });
});

describe('where a command calls', () => {
  it('is the command line’s address, else the variable’s, else this machine', () => {
    expect(loadClientSettings(undefined, {})).toEqual({
      url: 'http://127.0.0.1:8080',
      apiKey: null,
      signingSecret: null,
    });
    const env = { REQRUN_URL: 'https://a.example', REQRUN_API_KEY: 'k', REQRUN_SIGNING_SECRET: '' };
    expect(loadClientSettings(undefined, env)).toMatchObject({ url: 'https://a.example', apiKey: 'k' });
    expect(loadClientSettings('https://b.example', env).url).toBe('https://b.example');
    expect(() => loadClientSettings('ftp://b.example', env)).toThrow(
      'REQRUN_URL must be an http or https URL',
    );
  });
});

/** The record of docs/api.md, which a test compares with the schema. */
const documented =
  page('docs/api.md').blocks.find(({ code }) => code.includes('"object": "request"'))?.code ?? '';
const record = RequestRecord.parse(JSON.parse(documented));
const nowMs = Date.parse('2026-11-26T10:00:00.000Z');
const open = { ...record, terminal: false, completed_at: null };

describe('a record for a person', () => {
  it('has aligned columns, and a line for each attempt', () => {
    const lines = renderRecord(record).split('\n');
    expect(lines.slice(0, 2)).toEqual(['request    ticket-842', 'status     completed']);
    expect(lines.at(-1)).toMatch(/^3 +succeeded +completed +200 +- +53 ms$/);
    expect(
      table([
        ['a', 'bb'],
        ['ccc', 'd'],
      ]),
    ).toBe('a    bb\nccc  d');
  });

  it.each([
    [{ status: 'queued' as const, waiting_for: 'worker' as const }, 'ticket-842  queued, waits for a worker'],
    [{ status: 'processing' as const, attempts: 2 }, 'ticket-842  processing, attempt 2 runs'],
    [
      {
        status: 'retrying' as const,
        waiting_for: 'retry' as const,
        attempts: 1,
        last_error_code: 'upstream_rate_limited',
        next_attempt_at: '2026-11-26T10:00:02.500Z',
      },
      'ticket-842  retrying (upstream_rate_limited), attempt 2 in 3 s',
    ],
    [
      {
        status: 'queued' as const,
        attempts: 0,
        waiting_for: 'start_time' as const,
        next_attempt_at: '2026-11-26T10:01:00.000Z',
      },
      'ticket-842  queued, attempt 1 in 60 s, at its run_at',
    ],
    [
      { status: 'queued' as const, waiting_for: 'pacing' as const, waiting_reason: 'the lane is full' },
      'ticket-842  queued, the lane is full',
    ],
    [
      { status: 'processing' as const, attempts: 1, cancel_requested: true },
      'ticket-842  processing, attempt 1 runs, cancellation requested',
    ],
  ])('says what it does and why it waits: %j', (fields, line) => {
    expect(describeProgress({ ...open, ...fields }, nowMs)).toBe(line);
  });

  it('has a result with every digit, indented only where that loses none', () => {
    const text = '{"id":"x","result":{"seed":9007199254740993123,"n":1.0},"z":1}';
    expect(resultText(text, true)).toBe('{"seed":9007199254740993123,"n":1.0}');
    expect(resultText('{"result": {"n":1}}', true)).toBe('{\n  "n": 1\n}');
    expect(resultText('{"result": {"n":1}}', false)).toBe('{"n":1}');
  });
});

describe('the line of progress', () => {
  const stream = (isTTY: boolean) => {
    const written: string[] = [];
    return { isTTY, columns: 20, written, write: (text: string) => written.push(text) > 0 };
  };

  it('is replaced in a terminal, fits into its width, and is gone before the result', () => {
    const [stdout, stderr] = [stream(true), stream(true)];
    const terminal = createTerminal({ stdout, stderr });
    terminal.progress('a line that is longer than the terminal is wide');
    terminal.out('result');
    expect(stderr.written).toEqual(['\r\u001b[2Ka line that is long', '\r\u001b[2K']);
    expect(stdout.written).toEqual(['result\n']);
  });

  it('is not written where stderr is no terminal, because a log would fill with it', () => {
    const [stdout, stderr] = [stream(false), stream(false)];
    const terminal = createTerminal({ stdout, stderr });
    terminal.progress('line');
    terminal.endProgress();
    expect(stderr.written).toEqual([]);
  });
});

it.each([
  ['22.12.0', true],
  ['22.11.9', false],
  ['20.20.2', false],
  ['26.0.0', true],
])('Node %s can run the package: %s', (version, expected) => {
  expect(isNodeRecentEnough(version)).toBe(expected);
});
