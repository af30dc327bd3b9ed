/** Answers calls of one name that come while such a call is under way with that one's answer. */
export type JoinCalls<T> = (name: string, call: () => Promise<T>) => Promise<T>;

export function createJoinCalls<T>(): JoinCalls<T> {
  const underWay = new Map<string, Promise<T>>();
  return (name, call) => {
    const known = underWay.get(name);
    if (known !== undefined) return known;
    const own = call().finally(() => underWay.delete(name));
    underWay.set(name, own);
    return own;
  };
}
