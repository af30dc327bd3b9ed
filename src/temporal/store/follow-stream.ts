import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { isBlobRef } from '../../domain/raw-json.ts';
import { requestError } from '../../domain/run-end.ts';
import type { Place } from '../../domain/limit.ts';
import { overloaded, Refusal } from '../../domain/refusal.ts';
import type { RequestRef } from '../../domain/request-id.ts';
import type {
  FollowedRequest,
  IntakePlace,
  NewRequest,
  PendingRun,
  SettledRun,
  StreamHold,
  WholeRun,
} from '../../domain/requests.ts';
import type { StreamSubscriber } from '../../domain/streams/channel.ts';
import { FailureReason, RequestStatus } from '../../domain/vocabulary.ts';
import { createCallBudget } from '../calls/call-budget.ts';
import type { Waiter, Waiters } from '../waiting/waiters.ts';
import { acceptRequest, type Acceptor, readAgain, toRun } from './accept.ts';
import { oursOrNull, type RunFinder } from './find-run.ts';
import { openText, type TextDependencies } from './large-texts.ts';

/**
 * The longest time between two looks at a run that is followed. Its end is reported at once, unless an operator
 * terminated it or its long poll found no place.
 */
const LOOK_AGAIN_MS = 15_000;
/** The least time between two looks, for a run whose end is not reported. */
const PAUSE_MS = 1_000;

interface FollowDependencies extends TextDependencies {
  readonly waiters: Waiters;
  readonly streams: StreamSubscriber;
}

/** Accepts or joins a request and follows it. Implements `ProjectRequests.submitStreamed`. */
export async function submitStreamed(
  dependencies: FollowDependencies,
  acceptor: Acceptor,
  ref: RequestRef,
  request: NewRequest,
  hold: StreamHold,
  place: IntakePlace,
): Promise<FollowedRequest> {
  const held = holdCaller(dependencies, acceptor.runs, ref, hold);
  try {
    const how = { isAsync: false, signal: hold.signal };
    const { run, ...accepted } = await acceptRequest(acceptor, ref, request, how, place);
    return {
      ...accepted,
      operation: request.operation,
      model: request.model,
      abandoned: run.kind === 'pending' ? abandonedIn(run.status, run.attempts) : 0,
      ...held.follow(run),
    };
  } catch (error) {
    held.leave();
    throw error;
  } finally {
    place.leave();
  }
}

/** Follows a request that exists. Implements `ProjectRequests.followStream`. */
export async function followStream(
  dependencies: FollowDependencies,
  runs: RunFinder,
  ref: RequestRef,
  hold: StreamHold,
): Promise<FollowedRequest | null> {
  const held = holdCaller(dependencies, runs, ref, hold);
  try {
    const found = oursOrNull(await runs.look(ref, createCallBudget()));
    if (found === null) {
      held.leave();
      return null;
    }
    const { id, created_at, operation, model, attempts, status } = found.stored.record;
    return {
      id,
      createdAt: created_at,
      operation,
      model,
      replayed: true,
      response: found.stored.response,
      abandoned: abandonedIn(status, attempts),
      ...held.follow(toRun(found.stored)),
    };
  } catch (error) {
    held.leave();
    throw error;
  }
}

/** A caller that has its place, and that hears of the end of the run. */
interface HeldFollower extends Pick<FollowedRequest, 'leave'> {
  /** @param known the run as it was when the caller came */
  follow(known: SettledRun | PendingRun): Pick<FollowedRequest, 'settled' | 'follow' | 'leave'>;
}

/**
 * Takes the place of a caller, and listens for the end of the run from now on.
 *
 * @throws Refusal `overloaded` if there is no place
 */
function holdCaller(
  { waiters, streams, ...reading }: FollowDependencies,
  runs: RunFinder,
  ref: RequestRef,
  { signal, projectPlaces }: StreamHold,
): HeldFollower {
  const held = waiters.hold(projectPlaces);
  if (held === null) throw overloaded();
  const places: Place[] = [held];
  const waiter = waiters.join(ref.workflowId);
  const left = new AbortController();
  // A caller may leave before the hold has ended: its stream ends when the attempt breaks off.
  const over = AbortSignal.any([signal, left.signal]);
  const leave = (): void => {
    left.abort();
    waiter.leave();
    for (const place of places) place.leave();
  };
  return {
    leave,
    follow: (known) => ({
      settled: untilSettled(runs, ref, waiter, known, over).then((run) =>
        readWhole(reading, ref, run, { signal: over, places }),
      ),
      follow: (onChange, from) => streams.follow(ref.workflowId, onChange, from),
      leave,
    }),
  };
}

/** All attempts but the one that runs now or was the last one. */
function abandonedIn(status: RequestStatus, attempts: number): number {
  const isBetween = status === RequestStatus.queued || status === RequestStatus.retrying;
  return isBetween ? attempts : Math.max(0, attempts - 1);
}

/**
 * Reads the result of a run into memory. While the blob store does not answer, or there is no room, it tries again
 * until the signal is aborted, because the result is there.
 *
 * @param hold `places`: takes the room of the result
 */
async function readWhole(
  reading: TextDependencies,
  ref: RequestRef,
  run: SettledRun | null,
  { signal, places }: { readonly signal: AbortSignal; readonly places: Place[] },
): Promise<WholeRun | null> {
  if (run === null || run.kind === 'failed') return run;
  const { result } = run;
  if (!isBlobRef(result)) return { ...run, result };
  while (!signal.aborted) {
    try {
      const opened = await openText(reading, ref, result);
      // A place that is taken after the others were left is never left.
      if (signal.aborted) break;
      places.push(opened.hold());
      return { ...run, result: await buffer(opened.stream()) };
    } catch (error) {
      const isPassing = error instanceof Refusal && error.code !== 'blob_unreadable';
      if (!isPassing)
        return { kind: 'failed', error: requestError('text_unreadable', FailureReason.terminal) };
    }
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
  return null;
}

/** Resolves to the end of the run; null when the signal is aborted before. */
async function untilSettled(
  runs: RunFinder,
  ref: RequestRef,
  waiter: Waiter,
  known: SettledRun | PendingRun,
  signal: AbortSignal,
): Promise<SettledRun | null> {
  if (known.kind !== 'pending') return known;
  while (!signal.aborted) {
    const nextMs = Date.now() + PAUSE_MS;
    const settled = await waiter.settled({ ms: LOOK_AGAIN_MS, signal });
    if (settled !== null) return settled;
    if (signal.aborted) break;
    const run = await readAgain(runs, ref, signal);
    if (run !== null && run.kind !== 'pending') return run;
    await sleep(Math.max(0, nextMs - Date.now()), undefined, { signal }).catch(() => undefined);
  }
  return null;
}
