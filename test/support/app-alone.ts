import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { ProjectRequests } from '../../src/domain/requests.ts';
import { buildApp } from '../../src/http/app.ts';
import type { Access, SlowReaderLimits } from '../../src/http/app-types.ts';

export interface AppAlone {
  readonly url: string;
  /** What was asked of the store: the method's name, and the id where there is one. */
  readonly asked: readonly string[];
  /** How many questions were open at the same time. */
  mostAtOnce(): number;
  readonly logLines: readonly string[];
  openConnections(): Promise<number>;
}

interface AppAloneOptions {
  readonly receiveTimeoutMs?: number;
  readonly slowReaders?: SlowReaderLimits;
  /** With which every request has completed; without one it is pending. */
  readonly result?: Uint8Array;
  readonly acceptAfter?: Promise<unknown>;
  readonly access?: Access;
  readonly now?: () => number;
}

/** The HTTP API on a real port, before a store that knows no request and writes down what it is asked. */
export async function startAppAlone({
  receiveTimeoutMs = 25_000,
  slowReaders = { timeoutMs: 60_000, maxBytes: Infinity },
  result,
  /** No request is accepted before. */
  acceptAfter = Promise.resolve(),
  access = { kind: 'open', hosts: ['127.0.0.1'] },
  now = Date.now,
}: AppAloneOptions = {}): Promise<AppAlone> {
  const asked: string[] = [];
  let open = 0;
  let mostAtOnce = 0;
  const logLines: string[] = [];
  const ask =
    <T>(method: string, answer: T, answerAfter: () => Promise<unknown> = nextTurn) =>
    async (id?: unknown): Promise<T> => {
      asked.push(typeof id === 'string' ? `${method} ${id}` : method);
      mostAtOnce = Math.max(mostAtOnce, (open += 1));
      await answerAfter();
      open -= 1;
      return answer;
    };
  const pending = {
    kind: 'pending',
    status: 'queued',
    attempts: 0,
    lastErrorCode: null,
    nextAttemptAt: null,
  } as const;
  const run =
    result === undefined ? pending : ({ kind: 'completed', result, attempt: 1, cuts: null } as const);
  const accepted = { id: 'id', createdAt: new Date(0).toISOString(), replayed: false, run, response: null };
  const unused = (): never => {
    throw new Error('not needed here');
  };
  const store: ProjectRequests = {
    submit: ask('submit', accepted, () => acceptAfter),
    submitStreamed: unused,
    followStream: unused,
    open: () => Promise.reject(new Error('there is no blob store')),
    read: ask('read', null),
    readBody: ask('readBody', null),
    cancel: ask('cancel', null),
    retry: ask('retry', null),
    delete: ask('delete', false),
  };
  const app = await buildApp({
    models: { models: () => Promise.reject(new Error('nothing answers')) },
    requests: {
      enter: () => ({ hasBody: () => undefined, leave: () => undefined }),
      forProject: () => store,
      reachable: ask('reachable', true),
    },
    access,
    lanes: null,
    wait: { defaultWaitSeconds: 0, waitSeconds: 1, maxWaitSeconds: 1 },
    maxBodyBytes: 1_048_576,
    maxConnections: 1_000,
    stopping: new AbortController().signal,
    logger: pino({ level: 'trace' }, { write: (line) => void logLines.push(line) }),
    observer: null,
    receiveTimeoutMs,
    slowReaders,
    now,
  });
  onTestFinished(() => app.close());
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  logLines.length = 0;
  const openConnections = promisify(app.server.getConnections.bind(app.server));
  return { url, asked, mostAtOnce: () => mostAtOnce, logLines, openConnections };
}
