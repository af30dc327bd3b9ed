import { sequenceNumber, type StreamEvent } from './stream-event.ts';

const TYPE = /^\{"type":("(?:[^"\\]|\\.)*")/;

/** Finishes an event whose JSON begins with its `type` and lacks the number and the closing brace. */
export function responseEvent(json: string, number: number): StreamEvent {
  return {
    event: String(JSON.parse(TYPE.exec(json)?.[1] ?? '""')),
    data: `${json},"sequence_number":${number}}`,
  };
}

/** `response.completed`, or `response.incomplete` for a Response that says so. */
export function lastResponseEvent(
  answer: Readonly<Record<string, unknown>>,
  bytes: Uint8Array | undefined,
  attempt: number,
  at: number,
): StreamEvent {
  const type = answer['status'] === 'incomplete' ? 'response.incomplete' : 'response.completed';
  const response = bytes === undefined ? JSON.stringify(answer) : new TextDecoder().decode(bytes);
  return responseEvent(`{"type":"${type}","response":${response}`, sequenceNumber(attempt, at));
}
