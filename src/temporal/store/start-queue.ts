import { setTimeout as sleep } from 'node:timers/promises';
import { overloaded, Refusal } from '../../domain/refusal.ts';
import type { Availability } from '../calls/availability.ts';
import { type CallBudget, createCallBudget } from '../calls/call-budget.ts';
import { createConcurrencyQueue, type Turn } from '../calls/concurrency-queue.ts';
import { createSharedSignals } from '../calls/shared-signal.ts';
import { createSilenceWatch } from '../calls/silence-watch.ts';
import { createSingleFlight } from '../calls/single-flight.ts';
import type { TurnRate } from '../calls/turn-rate.ts';
import { createStartPace } from './start-pace.ts';
import type { NewRun, StartOutcome } from './start-run.ts';

/** A start whose turn has come. */
export interface Start {
  readonly outcome: StartOutcome;
  /** When the start was sent, ISO 8601. The request that it creates counts from then. */
  readonly sentAt: string;
  /** The rest of the budget, which begins with the turn and again with each repetition. */
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
  start(workflowId: string, runOf: (sentAt: string) => NewRun, turn: StartTurn): Promise<Start>;
}

export interface StartTurn extends Required<Turn> {
  /** Whether the caller does not wait for its result. */
  readonly isAsync: boolean;
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
 * After a start without an answer, answers to other calls may still be unread, because this process was too
 * busy to read them. They are read in this time.
 */
const CATCH_UP_MS = 250;

export function createStartQueue(
  send: SendStart,
  { eagerStart, availability, rate }: StartQueueSettings,
): StartQueue {
  const flights = createSingleFlight<Start>();
  const signals = createSharedSignals();
  const pace = createStartPace(eagerStart);
  const queue = createConcurrencyQueue(pace.atOnce, (ahead) =>
    overloaded((rate.expectedMs(ahead) ?? 0) / 1_000),
  );
  let asyncWaiting = 0;
  const watchSilence = createSilenceWatch(availability, queue);

  /** Looks at the line. A rate is known of one line, and of one way to send starts. */
  function followLine(): void {
    const waiting = queue.waiting();
    const line = { held: waiting - asyncWaiting, async: asyncWaiting, running: queue.running() };
    if (pace.follow(line) || waiting === 0) rate.reset();
  }

  /** Waits for the turn, and counts those that wait. */
  async function startInTurn(
    runOf: (sentAt: string) => NewRun,
    { isAsync, ...turn }: StartTurn,
  ): Promise<Start> {
    const count = isAsync ? 1 : 0;
    let isWaiting = true;
    const endWaiting = (): void => {
      if (isWaiting) asyncWaiting -= count;
      isWaiting = false;
    };
    asyncWaiting += count;
    try {
      return await queue.take(turn, () => {
        endWaiting();
        return startNow(runOf, { isAsync, untilMs: turn.untilMs });
      });
    } finally {
      endWaiting();
    }
  }

  async function startNow(
    runOf: (sentAt: string) => NewRun,
    { isAsync, untilMs }: Omit<StartTurn, 'signal'>,
  ): Promise<Start> {
    rate.turn();
    followLine();
    const eager = pace.isEager({ isAsync });
    let budget = createCallBudget();
    await availability.ensure();
    const sentAt = new Date().toISOString();
    const run = runOf(sentAt);
    for (;;) {
      const before = availability.answers();
      const outcome = await send(run, budget, eager);
      if (typeof outcome === 'string') {
        availability.noteAnswer();
        return { outcome, sentAt, budget };
      }
      await sleep(CATCH_UP_MS);
      // While Temporal answers other calls, it is slow and not away. The start goes on, which its id makes
      // harmless.
      const isSlow = availability.answers() > before;
      if (!isSlow || Date.now() >= untilMs) return { outcome, sentAt, budget };
      budget = createCallBudget();
    }
  }

  async function start(
    workflowId: string,
    runOf: (sentAt: string) => NewRun,
    turn: StartTurn,
  ): Promise<Start> {
    const own = createCallBudget();
    const { left, end } = signals.join(workflowId, turn.signal);
    const { joined, result } = flights.fly(workflowId, async () => {
      followLine();
      const taken = startInTurn(runOf, { ...turn, signal: left });
      followLine();
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
      return start(workflowId, runOf, turn);
    } finally {
      end();
    }
  }

  return { start };
}
