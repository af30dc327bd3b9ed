/** Who may wait to be accepted: bounds in number and bytes, and the time until a turn. */
import { describe, expect, it } from 'vitest';
import type { IntakePlace } from '../../src/domain/requests.ts';
import { createTurnRate, type TurnRate } from '../../src/temporal/calls/turn-rate.ts';
import { createIntake, type Intake } from '../../src/temporal/store/intake.ts';

const overloadedFor = (retryAfterSeconds: number): unknown =>
  expect.objectContaining({ code: 'overloaded', shouldRetry: true, retryAfterSeconds });
const SLOW: TurnRate = {
  turn: () => undefined,
  reset: () => undefined,
  expectedMs: (ahead) => ahead * 1_000,
};

function intakeOf(limits: { accepting?: number; acceptingBytes?: number }, rate?: TurnRate): Intake {
  return createIntake({ accepting: 1_000, acceptingBytes: 1_000, acceptMs: 60_000, ...limits }, rate);
}

describe('the intake', () => {
  it('is bounded in number, over all calls that change something', () => {
    const intake = intakeOf({ accepting: 2 });
    const [place] = [intake.enter(1), intake.enterAtOnce()];
    expect(intake.places.taken()).toBe(2);
    expect(() => intake.enter(1)).toThrow(overloadedFor(1));
    expect(() => intake.enterAtOnce()).toThrow(overloadedFor(1));
    place.leave();
    place.leave();
    expect(intake.places.taken()).toBe(1);
    intake.enter(1);
  });

  it('is bounded in bytes, before a body is read and after', () => {
    const intake = intakeOf({ acceptingBytes: 100 * 1_024 });
    const whole = intake.enter(36 * 1_024);
    const unknown = intake.enter(null);
    expect(() => intake.enter(1)).toThrow(overloadedFor(1));
    unknown.hasBody(10);
    const other = intake.enter(50 * 1_024);
    expect(() => unknown.hasBody(16 * 1_024)).toThrow(overloadedFor(1));
    other.leave();
    unknown.hasBody(64 * 1_024);
    unknown.leave();
    // Nothing is counted for a caller that has left before its body was read.
    unknown.hasBody(100 * 1_024);
    whole.leave();
    intake.enter(100 * 1_024).leave();
    expect(intake.places.taken()).toBe(0);
  });

  it('refuses at once whose turn is too far away, and says when to come back', () => {
    const intake = intakeOf({}, SLOW);
    const places: IntakePlace[] = [];
    while (places.length < 61) places.push(intake.enter(1));
    expect(intake.expectedMs()).toBe(61_000);
    expect(() => intake.enter(1)).toThrow(overloadedFor(60));
    places[0]?.leave();
    intake.enter(1);
  });

  it('says when a place is expected also where the number is the bound', () => {
    const intake = intakeOf({ accepting: 7 }, SLOW);
    for (let nth = 0; nth < 7; nth += 1) intake.enter(1);
    expect(() => intake.enter(1)).toThrow(overloadedFor(7));
  });
});

describe('the rate of turns', () => {
  it('is unknown until some turns have come, then follows them, and is forgotten with its line', () => {
    let nowMs = 0;
    const rate = createTurnRate(() => nowMs);
    const turns = (count: number, everyMs: number): void => {
      for (let nth = 0; nth < count; nth += 1) {
        nowMs += everyMs;
        rate.turn();
      }
    };
    nowMs = 3_600_000;
    rate.reset();
    turns(20, 10);
    expect(rate.expectedMs(100)).toBeNull();
    turns(20, 10);
    expect(rate.expectedMs(100)).toBeCloseTo(1_000);
    turns(500, 100);
    expect(rate.expectedMs(100)).toBeGreaterThan(9_900);
    rate.reset();
    expect(rate.expectedMs(100)).toBeNull();
  });
});
