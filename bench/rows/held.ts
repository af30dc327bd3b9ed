import { setTimeout as sleep } from 'node:timers/promises';
import { promptOf } from '../load/load.ts';
import { untilAnswered } from '../load/durable-caller.ts';
import { startHttpSystem } from '../systems/start-system.ts';
import { type BenchRun, modelOf, newPlace } from './bench-run.ts';

export interface HeldMeasure {
  readonly callers: number;
  readonly upstreamSeconds: number;
  /** Callers that waited for an answer at the same time. */
  readonly mostAtOnce: number;
  readonly mostUpstreamCallsAtOnce: number;
  readonly answered: number;
  readonly errors: number;
  readonly firstError: string | null;
  /** Posts answered with 503 and sent again. */
  readonly turnedAway: number;
  readonly seconds: number;
}

/** Measures callers that arrive evenly. Each has its own request and waits until it is answered. */
export async function measureHeld(run: BenchRun): Promise<HeldMeasure> {
  const { options, upstream, around, say } = run;
  const { callers, callersPerSecond, heldSeconds } = options;
  const { caller, stop } = await startHttpSystem('service', await newPlace(run), around);
  const model = modelOf(heldSeconds * 1_000, 'held');
  const body = promptOf(model);
  let [held, mostAtOnce, answered, errors, turnedAway] = [0, 0, 0, 0, 0];
  let firstError: string | null = null;

  async function stay(nth: number): Promise<void> {
    mostAtOnce = Math.max(mostAtOnce, (held += 1));
    try {
      await untilAnswered(caller, body, `held-${nth}`, () => (turnedAway += 1));
      answered += 1;
    } catch (error) {
      errors += 1;
      firstError ??= String(error);
    }
    held -= 1;
  }

  const startedMs = performance.now();
  const timer = setInterval(
    () => say(`held: ${held} waiting, ${answered} answered, ${errors} errors`),
    10_000,
  );
  const all: Promise<void>[] = [];
  for (let nth = 0; nth < callers; nth += 1) {
    const leftMs = startedMs + (nth * 1_000) / callersPerSecond - performance.now();
    if (leftMs > 0) await sleep(leftMs);
    all.push(stay(nth));
  }
  await Promise.all(all);
  clearInterval(timer);
  const seconds = (performance.now() - startedMs) / 1_000;
  const { mostOpen: mostUpstreamCallsAtOnce } = await upstream.count(model);
  await stop();
  const counts = { mostAtOnce, mostUpstreamCallsAtOnce, answered, errors, firstError, turnedAway, seconds };
  return { callers, upstreamSeconds: heldSeconds, ...counts };
}
