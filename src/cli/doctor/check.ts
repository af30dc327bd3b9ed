/** The result of one check. */
export interface Check {
  readonly name: string;
  /** `warning`: a start works, but something will surprise. `fault`: a start fails, or no call succeeds. */
  readonly verdict: 'ok' | 'warning' | 'fault';
  /** What was found, in one sentence. */
  readonly found: string;
  /** What to do about it. Null = nothing. */
  readonly todo: string | null;
}

/** Makes the result of a check without a complaint. */
export function ok(name: string, found: string): Check {
  return { name, verdict: 'ok', found, todo: null };
}

/** Makes the result of a check that a person should look at. */
export function warning(name: string, found: string, todo: string): Check {
  return { name, verdict: 'warning', found, todo };
}

/** Makes the result of a check that keeps ReqRun from working. */
export function fault(name: string, found: string, todo: string): Check {
  return { name, verdict: 'fault', found, todo };
}

/** Writes the results for a person: one line for each check, and a line below it for what to do. */
export function renderChecks(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const marks = { ok: 'ok   ', warning: 'WARN ', fault: 'FAULT' };
  return checks
    .flatMap(({ name, verdict, found, todo }) => [
      `${marks[verdict]}  ${name.padEnd(width)}  ${found}`,
      ...(todo === null ? [] : [`${' '.repeat(width + 9)}-> ${todo}`]),
    ])
    .join('\n');
}
