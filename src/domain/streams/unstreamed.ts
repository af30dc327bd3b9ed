import { isExactObject } from '../exact-json.ts';
import { chunkEvent, type ChatOperation } from './chat-events.ts';
import { unstreamedResponse } from './unstreamed-response.ts';
import type { StreamedOperation, StreamEvent } from './stream-event.ts';

/** The events before the end of a stream for an answer that was not streamed. Each text is one event. */
export function unstreamedEvents(
  operation: StreamedOperation,
  answer: Readonly<Record<string, unknown>>,
  attempt: number,
): StreamEvent[] {
  return operation === 'responses'
    ? unstreamedResponse(answer, attempt)
    : unstreamedChunks(operation, answer);
}

function unstreamedChunks(
  operation: ChatOperation,
  answer: Readonly<Record<string, unknown>>,
): StreamEvent[] {
  const { choices } = answer;
  if (!Array.isArray(choices)) return [];
  return choices.filter(isExactObject).flatMap((choice) => {
    const parts = operation === 'completions' ? textParts(choice) : messageParts(choice);
    return parts.map((part) => {
      const json = JSON.stringify([{ index: choice['index'] ?? 0, ...part, finish_reason: null }]);
      return chunkEvent(operation, answer, json);
    });
  });
}

function textParts({ text, logprobs }: Readonly<Record<string, unknown>>): object[] {
  return [{ text: text ?? '', logprobs: logprobs ?? null }];
}

function messageParts({ message, logprobs }: Readonly<Record<string, unknown>>): object[] {
  if (!isExactObject(message)) return [];
  const { role, tool_calls: calls, ...members } = message;
  const names = Object.keys(members);
  const isPart = (name: string): boolean => typeof members[name] === 'string' || isFilled(members[name]);
  const first = Object.fromEntries(
    names.filter((name) => !isPart(name)).map((name) => [name, members[name]]),
  );
  // A model thinks before it answers.
  const parts = names
    .filter(isPart)
    .sort((one, other) => Number(isReasoning(other)) - Number(isReasoning(one)))
    .map((name) => ({ [name]: members[name] }));
  const toolCalls = (Array.isArray(calls) ? calls : [])
    .filter(isExactObject)
    .map((call, index) => ({ tool_calls: [{ index, ...call }] }));
  const deltas = [{ role: role ?? 'assistant', ...first }, ...parts, ...toolCalls].map((delta) => ({
    delta,
  }));
  return isExactObject(logprobs) ? [...deltas, { delta: {}, logprobs }] : deltas;
}

function isFilled(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isReasoning(name: string): boolean {
  return /reasoning|thinking/.test(name);
}
