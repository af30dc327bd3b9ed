import { describe, expect, it } from 'vitest';
import { overloaded, Refusal, unavailable } from '../../src/domain/refusal.ts';
import { orNotAnswered } from '../../src/temporal/calls/call-budget.ts';

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
