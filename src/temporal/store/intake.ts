import { createLimit, enter, type Limit, type Place } from '../../domain/limit.ts';
import { overloaded } from '../../domain/refusal.ts';
import type { IntakePlace } from '../../domain/requests.ts';
import { createTurnRate, type TurnRate } from '../calls/turn-rate.ts';

export interface IntakeLimits {
  /** Maximum changing calls that Temporal has not answered yet. */
  readonly accepting: number;
  /** Maximum bytes of their bodies together, and of the stored texts that are in memory. */
  readonly acceptingBytes: number;
  /** How long a POST waits for its turn. */
  readonly acceptMs: number;
}

/**
 * Bounds the changing calls that Temporal has not answered yet, in number and in bytes. A POST whose turn is
 * too far away is refused at once, before its body is read, so that it costs no memory and its caller knows
 * when to come back.
 */
export interface Intake {
  readonly acceptMs: number;
  /** The rate of the turns of POSTs. */
  readonly rate: TurnRate;
  /** The calls, in number. */
  readonly places: Pick<Limit, 'taken'>;
  /**
   * Takes a place for a POST.
   *
   * @param bodyBytes size of its body. Null = not known before the body is read
   * @throws Refusal `overloaded`
   */
  enter(bodyBytes: number | null): IntakePlace;
  /**
   * Takes a place for a call that does not wait for a turn: a cancellation, a retry by hand or a deletion.
   *
   * @throws Refusal `overloaded`
   */
  enterAtOnce(): Place;
  /**
   * Counts bytes of a stored text that is read into memory.
   *
   * @throws Refusal `overloaded`
   */
  holdBytes(held: number): Place;
  /** Time in ms until a POST that comes now has its turn. 0 = at once, or not known. */
  expectedMs(): number;
}

/** Counted for a body of unknown size until it has been read. No official SDK sends one. */
const UNKNOWN_BYTES = 64 * 1024;

export function createIntake(
  { accepting, acceptingBytes, acceptMs }: IntakeLimits,
  rate: TurnRate = createTurnRate(),
): Intake {
  const places = createLimit(accepting);
  let bytes = 0;
  const expectedMs = (): number => rate.expectedMs(places.taken()) ?? 0;
  const refused = (): Error => overloaded(expectedMs() / 1_000);

  return {
    acceptMs,
    rate,
    places,
    expectedMs,
    enterAtOnce: () => enter(places),
    holdBytes: (held) => {
      if (bytes + held > acceptingBytes) throw refused();
      bytes += held;
      let left = held;
      return {
        leave: () => {
          bytes -= left;
          left = 0;
        },
      };
    },
    enter: (bodyBytes) => {
      let held = bodyBytes ?? UNKNOWN_BYTES;
      if (expectedMs() > acceptMs || bytes + held > acceptingBytes) throw refused();
      const place = places.take();
      if (place === null) throw refused();
      bytes += held;
      let hasLeft = false;
      const resize = (to: number): void => {
        bytes += to - held;
        held = to;
      };
      return {
        hasBody: (read) => {
          if (hasLeft) return;
          if (bytes + read - held > acceptingBytes) throw refused();
          resize(read);
        },
        leave: () => {
          hasLeft = true;
          resize(0);
          place.leave();
        },
      };
    },
  };
}
