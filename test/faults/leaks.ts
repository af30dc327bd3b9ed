/** G17: which of the canaries stand in what the processes wrote. */
export function leaksIn(output: string, canaries: readonly string[]): string[] {
  return canaries.filter((canary) => output.includes(canary));
}
