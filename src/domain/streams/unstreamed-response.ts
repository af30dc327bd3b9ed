import type { StreamEvent } from './stream-event.ts';
export function unstreamedResponse(
  _answer: Readonly<Record<string, unknown>>,
  _attempt: number,
): StreamEvent[] {
  return [];
}
