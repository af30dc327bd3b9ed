import { setTimeout as sleep } from 'node:timers/promises';
import { checkHistory } from '../history/check-history.ts';
import type { History } from '../history/history.ts';
import type { Violation } from '../history/violation.ts';
import { createObservingClient } from './client.ts';
import type { Fault, FaultDeployment, Injection } from './fault.ts';
import { toCalls, type UpstreamEvent } from './journal.ts';
import { startLoad } from './load.ts';
import { createPrng } from './prng.ts';
import { settle } from './settle.ts';
import type { FaultUpstream } from './upstream.ts';

export interface FaultRun {
  readonly deployment: FaultDeployment;
  readonly upstream: FaultUpstream;
  readonly seed: number;
  readonly perSecond: number;
  /** Of each kind of fault. */
  readonly times: number;
  /** Which kinds, by name; by default all. */
  readonly kinds?: RegExp;
  /** No further fault begins after so long. */
  readonly maxMs: number;
  /** Told each step of the schedule as it happens. */
  readonly say: (line: string) => void;
}

/** A fault of the schedule that was made. */
export interface MadeFault extends Injection {
  readonly fault: Fault;
  /** When it was made, by the clients' clock. */
  readonly atClientMs: number;
}

export interface FaultRunResult {
  readonly history: History;
  readonly journal: readonly UpstreamEvent[];
  readonly made: readonly MadeFault[];
  readonly violations: readonly Violation[];
}

/** Between the end of a fault and the next one. */
const CALM_MS = [300, 1_500] as const;

/** Steady load, one fault after the other in a seeded order, then quiet, then the judgement. */
export async function runFaults(run: FaultRun): Promise<FaultRunResult> {
  const { deployment, upstream, seed, perSecond, times, maxMs, say } = run;
  const { urls } = deployment;
  const faults = deployment.faults.filter(({ name }) => run.kinds?.test(name) ?? true);
  const prng = createPrng(seed);
  const schedule = prng.shuffled(faults.flatMap((fault) => Array<Fault>(times).fill(fault)));
  say(`SEED=${seed}: ${deployment.name}; ${perSecond} requests/s; ${schedule.length} faults`);
  const client = createObservingClient();
  const load = startLoad({ client, urls, seed, perSecond });
  const made: MadeFault[] = [];
  const startedMs = performance.now();
  try {
    for (const fault of schedule) {
      if (performance.now() - startedMs > maxMs) break;
      await sleep(prng.between(...CALM_MS));
      const injection = await fault.inject({ upstream, load, prng });
      const atClientMs = injection.atMs - performance.timeOrigin;
      made.push({ ...injection, fault, atClientMs });
      say(`${seconds(atClientMs - startedMs)} ${fault.name}; ready after ${injection.readyAfterMs} ms`);
    }
  } finally {
    await load.stop();
  }
  say(`${seconds(performance.now() - startedMs)} quiet; ${load.ids.size} requests`);
  // Also what only the upstream knows of: a POST without a key whose answer nobody got.
  const ids = async (): Promise<Set<string>> =>
    new Set([...load.ids, ...(await upstream.journal()).map(({ id }) => id)]);
  const { quietAtMs, read } = await settle(client, ids, urls);
  const journal = (await upstream.journal()).filter(({ id }) => read.has(id));
  const history = { answers: client.answers, calls: toCalls(journal), quietAtMs };
  return { history, journal, made, violations: checkHistory(history) };
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1).padStart(7)} s`;
}
