import fc from 'fast-check';
import { expect } from 'vitest';
import { createObservingClient } from '../faults/client.ts';
import { toCalls } from '../faults/journal.ts';
import { settle } from '../faults/settle.ts';
import type { FaultUpstream } from '../faults/upstream.ts';
import { checkHistory } from '../history/check-history.ts';
import { arbitraryCommands } from './commands.ts';
import { told } from './request-model.ts';
import type { System } from './system.ts';

export interface ModelRunSettings {
  readonly url: string;
  readonly upstream: FaultUpstream;
  readonly killWorker: System['killWorker'];
  readonly seed: number;
  readonly runs: number;
  readonly maxCommands: number;
}

/** How often each answer was seen, such as `retry 409 request_not_terminal`: what the runs really met. */
export type AnswerCounts = ReadonlyMap<string, number>;

/**
 * Plays arbitrary commands against the API and the model at once: each answer must be one that the model
 * allows, and the whole must pass the history checker. A failure names seed and path.
 */
export async function runModel(settings: ModelRunSettings): Promise<AnswerCounts> {
  const { url, upstream, killWorker, seed, runs, maxCommands } = settings;
  let nth = 0;
  const counts = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(arbitraryCommands(maxCommands, killWorker !== null), async (commands) => {
      nth += 1;
      const client = createObservingClient();
      const prefix = `m${seed}-${nth}-${process.pid}-`;
      const system: System = { client, url, prefix, killWorker };
      await fc.asyncModelRun(() => ({ model: new Map(), real: system }), commands);

      for (const answer of client.answers) {
        const met = `${answer.operation} ${told(answer)}`;
        counts.set(met, (counts.get(met) ?? 0) + 1);
      }

      const ids = new Set(client.answers.flatMap(({ key }) => key ?? []));
      const { quietAtMs } = await settle(client, async () => ids, [url]);
      const calls = toCalls(await upstream.journal()).filter(({ id }) => id.startsWith(prefix));
      expect(checkHistory({ answers: client.answers, calls, quietAtMs })).toEqual([]);
    }),
    { seed, numRuns: runs, endOnFailure: true, verbose: 1 },
  );
  return counts;
}
