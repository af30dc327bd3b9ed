import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { letGo } from '../../test/support/forked.ts';
import { until } from '../../test/support/until.ts';
import { type UpstreamCount, UpstreamSays } from './upstream-words.ts';

/** The scripted upstream, which runs in its own process. */
export interface BenchUpstream {
  /** Base URL, with `/v1`. */
  readonly baseURL: string;
  count(model: string): Promise<UpstreamCount>;
  /**
   * Resolves to the first count for which `holds` is true.
   *
   * @param withinMs default 60 s
   * @throws Error if no count did in time
   */
  untilCount(
    model: string,
    holds: (count: UpstreamCount) => boolean,
    withinMs?: number,
  ): Promise<UpstreamCount>;
  close(): Promise<void>;
}

const ENTRY = fileURLToPath(new URL('upstream-process.ts', import.meta.url));

/** Starts the upstream. It ends no later than this process. */
export async function startUpstream(): Promise<BenchUpstream> {
  const child = fork(ENTRY, { execArgv: [], serialization: 'advanced' });
  const asked = new Map<number, (count: UpstreamCount) => void>();
  const listening = Promise.withResolvers<number>();
  child.once('exit', () => listening.reject(new Error("the upstream's process ended")));
  child.on('message', (message) => {
    const said = UpstreamSays.parse(message);
    if ('port' in said) listening.resolve(said.port);
    else asked.get(said.answer)?.(said.count);
  });
  let questions = 0;
  const count = (model: string): Promise<UpstreamCount> => {
    const { promise, resolve } = Promise.withResolvers<UpstreamCount>();
    const ask = (questions += 1);
    asked.set(ask, (answer) => {
      asked.delete(ask);
      resolve(answer);
    });
    child.send({ ask, model });
    return promise;
  };
  return {
    baseURL: `http://127.0.0.1:${await listening.promise}/v1`,
    count,
    untilCount: (model, holds, withinMs = 60_000) => until(() => count(model), holds, withinMs),
    close: () => letGo(child),
  };
}
