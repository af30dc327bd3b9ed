import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { overloaded, Refusal, unavailable } from '../../src/domain/refusal.ts';
import {
  afterWait,
  CALL_BUDGET_MS,
  createCallBudget,
  orNotAnswered,
  withinBudget,
} from '../../src/temporal/calls/call-budget.ts';

async function toldOf(error: unknown): Promise<unknown> {
  return orNotAnswered('cancellation', () => Promise.reject(error)).catch((thrown: unknown) => thrown);
}

describe('a change whose outcome could not be read', () => {
  it.each([
    ['Temporal did not answer', unavailable(new Error('away'))],
    ['the read found no turn, which alone would say that nothing was accepted', overloaded()],
  ])('may have been accepted, and the answer says so: %s', async (_why, error) => {
    const told = await toldOf(error);
    expect(told).toBeInstanceOf(Refusal);
    expect(told).toMatchObject({ code: 'service_unavailable', shouldRetry: true, retryAfterSeconds: 2 });
    expect(String(told)).toContain('may have been accepted');
  });

  it('keeps any other refusal, which says something by itself', async () => {
    const refusal = new Refusal('payload_unreadable');
    expect(await toldOf(refusal)).toBe(refusal);
  });
});

describe('the time that a call may spend on Temporal', () => {
  const never = (): Promise<never> => new Promise(() => undefined);
  const away = expect.objectContaining({
    code: 'service_unavailable',
    retryAfterSeconds: 2,
    shouldRetry: true,
  });
  beforeEach(() => void vi.useFakeTimers({ now: 0 }));
  afterEach(() => void vi.useRealTimers());

  /** The clock when the call was given up. */
  async function givenUpAt(call: Promise<unknown>): Promise<number> {
    const given = call.then(
      () => -1,
      (error: unknown) => {
        expect(error).toEqual(away);
        return Date.now();
      },
    );
    await vi.runAllTimersAsync();
    return given;
  }

  it('leaves half a second of the 5 s that are promised, whatever Temporal does', async () => {
    expect(CALL_BUDGET_MS).toBeLessThanOrEqual(4_500);
    expect(await givenUpAt(withinBudget(createCallBudget(), never()))).toBe(CALL_BUDGET_MS);
  });

  it('is one for all calls of a request, however many they are', async () => {
    const budget = createCallBudget();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(budget.leftMs()).toBe(CALL_BUDGET_MS - 3_000);
    expect(await withinBudget(budget, Promise.resolve('in time'))).toBe('in time');
    expect(await givenUpAt(withinBudget(budget, never()))).toBe(CALL_BUDGET_MS);
    expect(await givenUpAt(withinBudget(budget, never()))).toBe(CALL_BUDGET_MS);
  });

  it('is shorter after a wait that the stop of the process has ended', async () => {
    expect(await givenUpAt(withinBudget(afterWait(AbortSignal.abort()), never()))).toBe(1_500);
    vi.setSystemTime(0);
    const goesOn = afterWait(new AbortController().signal);
    expect(await givenUpAt(withinBudget(goesOn, never()))).toBe(CALL_BUDGET_MS);
  });

  it('leaves no timer behind, and passes on what went wrong by itself', async () => {
    const broken = new Error('broken');
    await expect(withinBudget(createCallBudget(), Promise.reject(broken))).rejects.toBe(broken);
    expect(vi.getTimerCount()).toBe(0);
  });
});
