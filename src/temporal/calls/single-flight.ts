/**
 * Single flight: calls of one name that come while such a call is under way get its answer instead of making
 * their own.
 */
export interface SingleFlight<T> {
  /**
   * Joins the flight of this name, or begins one. A flight that fails fails for all who joined it.
   *
   * @param call makes the call; after `seal`, who comes begins a flight of their own
   * @returns `joined`: whether another had begun it
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
