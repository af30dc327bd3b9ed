/** Does something for each of 0 to `count` - 1, so many at a time. */
export async function atATime(
  count: number,
  most: number,
  act: (nth: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: most }, work));
}
