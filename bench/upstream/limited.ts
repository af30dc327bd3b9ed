import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { letGo } from '../../test/support/forked.ts';
import type { CallCounts, LoggedCall } from '../../test/support/limited-upstream/call-log.ts';
import type { ModelLimits } from '../../test/support/limited-upstream/limited-model.ts';
import { until } from '../../test/support/until.ts';
import { type LimitedAnswer, LimitedSays } from './limited-words.ts';

/** The upstream with rate limits, which runs in its own process. */
export interface BenchLimitedUpstream {
  /** Base URL, with `/v1`. */
  readonly baseURL: string;
  /** Sets or changes the limits of a model. */
  limit(model: string, limits: ModelLimits): Promise<void>;
  counts(model: string): Promise<CallCounts>;
  /** The model's calls in the order of their arrival. */
  calls(model: string): Promise<readonly LoggedCall[]>;
  /** @throws Error if no count holds in time */
  untilCounts(model: string, holds: (counts: CallCounts) => boolean, withinMs: number): Promise<CallCounts>;
  close(): Promise<void>;
}

type Question =
  | { readonly kind: 'limit'; readonly model: string; readonly limits: ModelLimits }
  | { readonly kind: 'counts' | 'calls'; readonly model: string };

const ENTRY = fileURLToPath(new URL('limited-process.ts', import.meta.url));

/** Starts the upstream. It ends no later than this process. */
export async function startBenchLimitedUpstream(): Promise<BenchLimitedUpstream> {
  const child = fork(ENTRY, { execArgv: [], serialization: 'advanced' });
  const asked = new Map<number, (answer: LimitedAnswer) => void>();
  const listening = Promise.withResolvers<string>();
  child.once('exit', () => listening.reject(new Error("the limited upstream's process ended")));
  child.on('message', (message) => {
    const said = LimitedSays.parse(message);
    if ('url' in said) return listening.resolve(said.url);
    asked.get(said.answer)?.(said);
    asked.delete(said.answer);
  });
  let questions = 0;
  const ask = (question: Question): Promise<LimitedAnswer> => {
    const { promise, resolve } = Promise.withResolvers<LimitedAnswer>();
    asked.set((questions += 1), resolve);
    child.send({ ...question, ask: questions });
    return promise;
  };
  const counts = async (model: string): Promise<CallCounts> => (await ask({ kind: 'counts', model })).counts;
  return {
    baseURL: await listening.promise,
    limit: async (model, limits) => void (await ask({ kind: 'limit', model, limits })),
    counts,
    calls: async (model) => (await ask({ kind: 'calls', model })).calls ?? [],
    untilCounts: (model, holds, withinMs) => until(() => counts(model), holds, withinMs),
    close: () => letGo(child),
  };
}
