/**
 * Single flight: while a call is in flight, further calls with the same name share its answer instead of
 * making their own.
 */
export interface SingleFlight<T> {
  /**
   * Joins the flight with this name, or begins one. If a flight fails, it fails for every caller that joined
   * it.
   *
   * @param call makes the call. Callers that come after `seal` begin a new flight
   * @returns `joined`: whether another caller began the flight
   */
  fly(name: string, call: (seal: () => void) => Promise<T>): { readonly joined: boolean; result: Promise<T> };
}

export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Promise<T>>();
  return {
    fly(name, call) {
      const known = flights.get(name);
      if (known !== undefined) return { joined: true, result: known };
      const { promise: result, resolve, reject } = Promise.withResolvers<T>();
      const seal = (): void => {
        if (flights.get(name) === result) flights.delete(name);
      };
      flights.set(name, result);
      call(seal).finally(seal).then(resolve, reject);
      return { joined: false, result };
    },
  };
}
