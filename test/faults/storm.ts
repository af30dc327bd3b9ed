import { randomUUID } from 'node:crypto';
import { until } from '../support/until.ts';
import { post, postTo, type Answer } from '../support/api.ts';
import { runEntryFile } from '../support/process.ts';
import { openStream } from '../support/read-stream.ts';
import { isFinished, type SeenConnection, textSeen } from '../support/stream-checker.ts';
import { chatStream, responseStream } from '../support/stream-steps.ts';
import { ok, responseOf, startScriptedUpstream } from '../support/scripted-upstream.ts';

export interface Storm {
  readonly temporalAddress: string;
  readonly keys: number;
  /** Of each key at once, over both API processes. */
  readonly callers: number;
}

/** What came of one key. */
export interface StormedKey {
  readonly ids: ReadonlySet<string | null>;
  readonly bodies: ReadonlySet<string>;
  readonly firsts: number;
  readonly hits: number;
  /** What the streaming callers saw: the texts, and how many streams had no end. */
  readonly streamed: ReadonlySet<string>;
  readonly unfinished: number;
}

/**
 * Sends each key from many callers at once through two API processes; who is refused for the crowd comes back. Every
 * third caller asks for a stream.
 */
export async function stormKeys({ temporalAddress, keys, callers }: Storm): Promise<StormedKey[]> {
  const upstream = await startScriptedUpstream();
  const env = {
    PORT: '0',
    TEMPORAL_ADDRESS: temporalAddress,
    REQRUN_TASK_QUEUE: `storm-${randomUUID()}`,
    OPENAI_BASE_URL: upstream.baseURL,
  };
  const apis = [runEntryFile('src/api.ts', env), runEntryFile('src/api.ts', env)];
  const worker = runEntryFile('src/worker.ts', env);
  await Promise.all([...apis, worker].map((one) => one.untilOutput('"ready"')));
  const urls = apis.map((api) => /"api":"([^"]+)"/.exec(api.output())?.[1] ?? '');

  async function call(key: string, caller: number, isResponse: boolean): Promise<Answer> {
    const fields = { model: key, idempotency_key: key, wait: 20 };
    const url = urls[caller % urls.length] ?? '';
    return until(
      () => (isResponse ? postTo(url, '/v1/responses', { ...fields, input: 'hi' }) : post(url, fields)),
      ({ status }) => status === 200,
      120_000,
    );
  }
  async function stream(key: string, caller: number, isResponse: boolean): Promise<SeenConnection> {
    const [path, fields] = isResponse
      ? ['/v1/responses', { input: 'hi' }]
      : ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] }];
    const url = urls[caller % urls.length] ?? '';
    const { events } = await until(
      async () => (await openStream(url, path, { model: key, idempotency_key: key, ...fields })).rest(),
      ({ status }) => status === 200,
      120_000,
    );
    return { key, kind: isResponse ? 'response' : 'chat', events };
  }
  const stormed: StormedKey[] = [];
  for (let index = 0; index < keys; index += 1) {
    const key = `storm-${randomUUID()}`;
    // Every other key is a Response, whose bytes are edited for its callers.
    const isResponse = index % 2 === 1;
    upstream.script(
      key,
      isResponse
        ? { whole: { answer: 200, body: responseOf(), afterMs: 100 }, streamed: responseStream('fi', 'ne') }
        : { whole: ok(key, 100), streamed: chatStream(key) },
    );
    const streams: SeenConnection[] = [];
    const callAll = Array.from({ length: callers }, async (_, caller) => {
      if (caller % 3 !== 0) return call(key, caller, isResponse);
      streams.push(await stream(key, caller, isResponse));
      return null;
    });
    const answers = (await Promise.all(callAll)).filter((answer) => answer !== null);
    stormed.push({
      ids: new Set(answers.map(({ headers }) => headers.get('x-request-id'))),
      bodies: new Set(answers.map(({ text }) => text)),
      firsts: answers.filter(({ headers }) => headers.get('idempotent-replayed') === null).length,
      hits: upstream.hits(key).length,
      streamed: new Set(streams.map(textSeen)),
      unfinished: streams.filter((one) => !isFinished(one)).length,
    });
  }
  await Promise.all([...apis, worker].map((one) => one.end('SIGTERM')));
  await upstream.close();
  return stormed;
}
