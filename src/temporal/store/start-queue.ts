import { overloaded, Refusal } from '../../domain/refusal.ts';
import type { Availability } from '../calls/availability.ts';
import { type CallBudget, createCallBudget } from '../calls/call-budget.ts';
import { CALLS_AT_ONCE, createConcurrencyQueue, type Turn } from '../calls/concurrency-queue.ts';
import { createSharedSignals } from '../calls/shared-signal.ts';
import { createSilenceWatch } from '../calls/silence-watch.ts';
import { createSingleFlight } from '../calls/single-flight.ts';
import type { TurnRate } from '../calls/turn-rate.ts';
import type { NewRun, StartOutcome } from './start-run.ts';

/** A start whose turn has come. */
export interface Start {
  readonly outcome: StartOutcome;
  /** When the start was sent, ISO 8601. The request that it creates counts from then. */
  readonly sentAt: string;
  /** The rest of the budget, which begins with the turn. */
  readonly budget: CallBudget;
}

/**
 * Starts the first runs of requests, first come, first served. Equal starts share one call, a concurrency
 * limit applies, and no start is sent while Temporal is down.
 */
export interface StartQueue {
  /**
   * Starts the run when its turn comes. Of equal calls that arrive together, only the first one starts the
   * run, because Temporal processes equal starts one after another and rejects many at once as "busy". The
   * other calls resolve to `already started`. A call leaves the line when its signal aborts, and equal calls
   * when all their signals have. A start that was sent goes on.
   *
   * @param runOf the run, given the time at which its start is sent
   * @throws Refusal `overloaded` if the turn does not come in time, `service_unavailable` if Temporal does
   *   not answer
   */
  start(workflowId: string, runOf: (sentAt: string) => NewRun, turn: Required<Turn>): Promise<Start>;
}

/** Starts one run without queueing. `eager`: whether the first task of the run may come with the answer. */
export type SendStart = (run: NewRun, budget: CallBudget, eager: boolean) => Promise<StartOutcome>;

export interface StartQueueSettings {
  /** Whether the worker shares the process, so that starts may be eager. */
  readonly eagerStart: boolean;
  readonly availability: Availability;
  /** Learns the rate of the turns in this queue. */
  readonly rate: TurnRate;
}

/**
 * Limit of concurrent starts if the worker shares the process. Nothing else slows starts down, because
 * callers are answered before their run closes, and eager starts bypass the queue of the workflow tasks that
 * close runs. With twice this limit, runs that had ended but not closed piled up: 900 in 15 s (measured on
 * two cores).
 */
const STARTS_BESIDE_WORKER = 6;

/** Waiting starts that are a crowd. It ends when none waits. */
const CROWD = 128;

/**
 * Limit of concurrent starts while a crowd is let in. Accepting then comes before working: starts are not
 * eager, so that the runs wait in Temporal, and so many of them leave little time for the tasks of runs.
 */
const STARTS_IN_CROWD = 64;

export function createStartQueue(
  send: SendStart,
  { eagerStart, availability, rate }: StartQueueSettings,
): StartQueue {
  const flights = createSingleFlight<Start>();
  const signals = createSharedSignals();
  let isCrowd = false;
  const usual = eagerStart ? STARTS_BESIDE_WORKER : CALLS_AT_ONCE;
  const queue = createConcurrencyQueue(
    () => (isCrowd ? STARTS_IN_CROWD : usual),
    (ahead) => overloaded((rate.expectedMs(ahead) ?? 0) / 1_000),
  );
  const watchSilence = createSilenceWatch(availability, queue);

  /** Notes how long the line is. A rate is known of one line, and of one kind of starts. */
  function noteLine(): void {
    const waiting = queue.waiting();
    const wasCrowd = isCrowd;
    isCrowd = waiting >= CROWD || (isCrowd && waiting > 0);
    if (waiting === 0 || isCrowd !== wasCrowd) rate.reset();
  }

  async function startInTurn(runOf: (sentAt: string) => NewRun): Promise<Start> {
    rate.turn();
    noteLine();
    const eager = eagerStart && !isCrowd;
    const budget = createCallBudget();
    await availability.ensure();
    const sentAt = new Date().toISOString();
    const outcome = await send(runOf(sentAt), budget, eager);
    if (typeof outcome === 'string') availability.noteAnswer();
    return { outcome, sentAt, budget };
  }

  async function start(
    workflowId: string,
    runOf: (sentAt: string) => NewRun,
    { untilMs, signal }: Required<Turn>,
  ): Promise<Start> {
    const own = createCallBudget();
    const { left, end } = signals.join(workflowId, signal);
    const { joined, result } = flights.fly(workflowId, async () => {
      noteLine();
      const taken = queue.take({ untilMs, signal: left }, () => startInTurn(runOf));
      noteLine();
      watchSilence();
      return taken;
    });
    try {
      const flown = await result;
      if (!joined || flown.outcome !== 'started') return flown;
      // The run belongs to the caller that began the flight. This one may have come late in it.
      const budget = own.deadlineMs > flown.budget.deadlineMs ? own : flown.budget;
      return { ...flown, outcome: 'already started', budget };
    } catch (error) {
      // This call joined another call's start, which failed. An error that is not a refusal may be about
      // the other call's body (for example, too large), so this call starts the run itself.
      if (!joined || error instanceof Refusal) throw error;
      return start(workflowId, runOf, { untilMs, signal });
    } finally {
      end();
    }
  }

  return { start };
}
