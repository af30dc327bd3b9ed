import { editMembers } from '../json-members.ts';
import { sequenceNumber, type StreamEvent } from './stream-event.ts';

const TYPE = /^\{"type":("(?:[^"\\]|\\.)*")/;
/** The member as JSON has it. Inside a string its quotes would be escaped. */
const NUMBER = '"sequence_number":';
const REST = /^\s*\d+\s*\}\s*$/;

/** Finishes an event whose JSON begins with its `type` and lacks the number and the closing brace. */
export function responseEvent(json: string, number: number): StreamEvent {
  const type: unknown = JSON.parse(TYPE.exec(json)?.[1] ?? '""');
  return { event: String(type), data: `${json},"sequence_number":${number}}` };
}

/** Sets the `sequence_number` in the text of an upstream's event. Everything else keeps its text. */
export function withNumber(data: string, number: number): string {
  // The usual event has it once, as its last member. Elsewhere it may be inside a nested object.
  const start = data.lastIndexOf(NUMBER);
  if (start !== -1 && data.indexOf(NUMBER) === start && REST.test(data.slice(start + NUMBER.length))) {
    return `${data.slice(0, start)}${NUMBER}${number}}`;
  }
  const edited = editMembers(Buffer.from(data), { sequence_number: { json: String(number), adds: true } });
  return new TextDecoder().decode(edited);
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
