import { isExactNumber } from '../exact-json.ts';
import type { StreamedOperation, StreamEvent } from './stream-event.ts';

/** The operations whose streams have choices. */
export type ChatOperation = Exclude<StreamedOperation, 'responses'>;

/** The values of `object`: in chunks, and in the whole answer. */
export const CHAT_OBJECTS = {
  'chat.completions': { chunk: 'chat.completion.chunk', whole: 'chat.completion' },
  completions: { chunk: 'text_completion', whole: 'text_completion' },
} as const satisfies Record<ChatOperation, { readonly chunk: string; readonly whole: string }>;

/** Characters of a member that every chunk repeats. Longer ones come with the last chunk only. */
const MAX_REPEATED = 256;

/** An event with a chunk. `choices` is JSON; so is `more`, which follows it. */
export function chunkEvent(
  operation: ChatOperation,
  answer: Readonly<Record<string, unknown>>,
  choices: string,
  more = '',
): StreamEvent {
  let members = '';
  for (const name of Object.keys(answer)) {
    if (!isRepeated(name, answer[name])) continue;
    const value = name === 'object' ? CHAT_OBJECTS[operation].chunk : answer[name];
    members += `${JSON.stringify(name)}:${JSON.stringify(value)},`;
  }
  return { event: null, data: `{${members}"choices":${choices}${more}}` };
}

/** The members of the answer that only the last chunk has, as JSON that follows another member. */
export function lastMembers(answer: Readonly<Record<string, unknown>>): string {
  let members = '';
  for (const name of Object.keys(answer)) {
    if (name === 'choices' || name === 'usage' || isRepeated(name, answer[name])) continue;
    members += `,${JSON.stringify(name)}:${JSON.stringify(answer[name])}`;
  }
  return members;
}

function isRepeated(name: string, value: unknown): boolean {
  if (name === 'choices' || name === 'usage' || value === undefined || value === null) return false;
  if (typeof value === 'string') return value.length <= MAX_REPEATED;
  return typeof value === 'number' || typeof value === 'boolean' || isExactNumber(value);
}
