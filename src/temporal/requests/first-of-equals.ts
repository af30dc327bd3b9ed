import { Refusal } from '../../domain/refusal.ts';

/**
 * Of calls with one id that arrive together, the first alone starts the run. Temporal takes equals one after
 * another and refuses a crowd of them as "busy"; whoever comes second has nothing to start anyway.
 */
export interface FirstOfEquals {
  /** Resolves to what `start` said, and for the others to "already started"; what refuses the first refuses all. */
  start(id: string, start: () => Promise<Started>): Promise<Started>;
}

export type Started = 'started' | 'already started';

export function createFirstOfEquals(): FirstOfEquals {
  const starting = new Map<string, Promise<Started>>();
  return {
    async start(id, start) {
      const first = starting.get(id);
      if (first !== undefined) {
        const isKnown = await first.then(
          () => true,
          (error: unknown) => {
            if (error instanceof Refusal) throw error;
            return false;
          },
        );
        if (isKnown) return 'already started';
      }
      const own = start().finally(() => {
        if (starting.get(id) === own) starting.delete(id);
      });
      starting.set(id, own);
      return own;
    },
  };
}
