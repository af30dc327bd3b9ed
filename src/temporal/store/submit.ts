import type { RequestRef } from '../../domain/request-id.ts';
import type { Acceptance, IntakePlace, NewRequest, Wait } from '../../domain/requests.ts';
import type { Waiters } from '../waiting/waiters.ts';
import { acceptRequest, type Acceptor, readAgain } from './accept.ts';

/**
 * A caller is held no longer than this for acceptance and wait together, because Node's fetch gives up after
 * 300 s without an answer. An operator who allows a longer wait has other callers.
 */
const HELD_MS = 240_000;

/** Accepts or joins a request, then holds the caller for its wait. Implements `ProjectRequests.submit`. */
export async function submitRequest(
  waiters: Waiters,
  acceptor: Acceptor,
  ref: RequestRef,
  request: NewRequest,
  wait: Wait,
  place: IntakePlace,
): Promise<Acceptance> {
  const arrivedMs = Date.now();
  const waiter = waiters.join(ref.workflowId);
  try {
    const how = { isAsync: wait.ms === 0, signal: wait.signal };
    const acceptance = await acceptRequest(acceptor, ref, request, how, place);
    if (acceptance.run.kind !== 'pending') return acceptance;
    const heldUntilMs = arrivedMs + Math.max(HELD_MS, wait.ms);
    const held = await waiter.wait({ ...wait, ms: Math.min(wait.ms, heldUntilMs - Date.now()) });
    if (!held.wasHeld) return acceptance;
    const settled = held.settled ?? (await readAgain(acceptor.runs, ref, wait.signal));
    return { ...acceptance, run: settled ?? acceptance.run };
  } finally {
    waiter.leave();
    place.leave();
  }
}
