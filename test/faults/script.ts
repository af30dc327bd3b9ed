/** What the upstream does with one call. */
export type UpstreamStep =
  | { readonly does: 'answer'; readonly status: number; readonly afterMs: number }
  | { readonly does: 'later'; readonly afterMs: number }
  | { readonly does: 'reset' | 'cut' | 'stall' };

/**
 * A model's name is its script, so that nobody has to tell the upstream in advance: steps joined by `+`, one
 * a call of a request, the last repeats. `ok`, `ok-300` (ms), a status, `reset` (before the answer), `cut`
 * (within the body), `stall` (no answer at all), `later-900` (a Response that is in progress for so many ms and is read
 * by GET; only for responses).
 */
export function parseScript(model: string): UpstreamStep[] {
  return model.split('+').map((word) => {
    const [name = '', afterMs = '0'] = word.split('-');
    if (name === 'reset' || name === 'cut' || name === 'stall') return { does: name };
    if (name === 'later') return { does: name, afterMs: Number(afterMs) };
    return { does: 'answer', status: name === 'ok' ? 200 : Number(name), afterMs: Number(afterMs) };
  });
}

/** Whether the work is done, or may be, for all that the caller can know: not after a plain refusal. */
export function runs(step: UpstreamStep): boolean {
  return step.does !== 'answer' || step.status === 200 || step.status === 500;
}
