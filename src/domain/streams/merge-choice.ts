import { isSet } from '../completeness.ts';
import { isExactObject } from '../exact-json.ts';
import type { ChatOperation } from './chat-events.ts';
import type { Path } from './cuts.ts';
import { mergeToolCalls } from './merge-tool-calls.ts';
import { mergeMembers } from './merge-delta.ts';
import type { Outline } from './outline.ts';

/** Members of a choice with rules of their own. The others are set, and come with the last chunk. */
const SPECIAL = new Set(['index', 'delta', 'message', 'text', 'logprobs', 'finish_reason', '__proto__']);
const PROTOTYPE = new Set(['__proto__']);

/**
 * Merges a choice of a chunk into the choices of the answer, which are in the order of their `index`, and writes its
 * outline without the end. Returns whether it has content.
 */
export function mergeChoice(
  operation: ChatOperation,
  choices: Record<string, unknown>[],
  came: Readonly<Record<string, unknown>>,
  outline: Outline,
): boolean {
  const index = Number.isSafeInteger(came['index']) ? Number(came['index']) : 0;
  const choice = choiceWith(operation, choices, index);
  const step = outline.addIndex(index);
  const path = ['choices', step];
  outline.text += '{"index":';
  outline.markIndex(step);
  let hasContent: boolean;
  if (operation === 'completions') {
    const { text } = came;
    if (typeof text === 'string') mergeMembers(choice, { text }, path, outline, false);
    hasContent = outline.changes;
  } else {
    outline.text += ',"delta":';
    hasContent = mergeMessage(choice, deltaOf(came, choice), [...path, 'message'], outline);
  }
  const { logprobs } = came;
  if (logprobs !== undefined) mergeMembers(choice, { logprobs }, path, outline, false);
  outline.text += ',"finish_reason":null}';
  mergeOthers(choice, came);
  if (isSet(came['finish_reason'])) {
    choice['finish_reason'] = came['finish_reason'];
    settle(choice);
  }
  return hasContent;
}

/** Whether a choice of the answer has no `finish_reason` yet. */
export function needsEnd(choice: Readonly<Record<string, unknown>>): boolean {
  return !isSet(choice['finish_reason']);
}

/** Adds what every whole choice has. */
export function settle(choice: Record<string, unknown>): void {
  const { message } = choice;
  if (isExactObject(message)) message['role'] ??= 'assistant';
  else choice['text'] ??= '';
}

function choiceWith(
  operation: ChatOperation,
  choices: Record<string, unknown>[],
  index: number,
): Record<string, unknown> {
  const at = choices.findIndex((choice) => Number(choice['index']) >= index);
  const found = at === -1 ? undefined : choices[at];
  if (found?.['index'] === index) return found;
  const begun: Record<string, unknown> = { index };
  // The order of members that OpenAI has. What is undefined is not written.
  if (operation === 'completions') begun['text'] = undefined;
  else begun['message'] = { role: undefined, content: null };
  begun['logprobs'] = null;
  begun['finish_reason'] = null;
  choices.splice(at === -1 ? choices.length : at, 0, begun);
  return begun;
}

/**
 * The delta of a choice. A whole `message` in a chunk counts only while there is nothing else: a few providers repeat the
 * message so far beside the delta.
 */
function deltaOf(
  { delta, message }: Readonly<Record<string, unknown>>,
  choice: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (isExactObject(delta)) return delta;
  const current = choice['message'];
  const isEmpty = isExactObject(current) && Object.keys(current).length === 2 && current['content'] === null;
  return isExactObject(message) && isEmpty ? message : {};
}

function mergeMessage(
  choice: Record<string, unknown>,
  { role, tool_calls: calls, ...rest }: Readonly<Record<string, unknown>>,
  path: Path,
  outline: Outline,
): boolean {
  const { message } = choice;
  if (!isExactObject(message)) return false;
  outline.text += '{';
  let isFirst = true;
  if (role !== undefined) {
    mergeMembers(message, { role }, path, outline);
    isFirst = false;
  }
  const changesRole = outline.changes;
  outline.changes = false;
  mergeMembers(message, rest, path, outline, isFirst);
  isFirst = isFirst && Object.keys(rest).length === 0;
  if (Array.isArray(calls) && calls.length > 0) {
    outline.text += isFirst ? '"tool_calls":[' : ',"tool_calls":[';
    mergeToolCalls(message, calls.filter(isExactObject), [...path, 'tool_calls'], outline);
    outline.text += ']';
  }
  outline.text += '}';
  const hasContent = outline.changes;
  outline.changes ||= changesRole;
  return hasContent;
}

/** Merges what a choice has beside its content. It comes with the last chunk of a replay. */
function mergeOthers(
  choice: Record<string, unknown>,
  came: Readonly<Record<string, unknown>>,
  special: ReadonlySet<string> = SPECIAL,
): void {
  for (const name of Object.keys(came)) {
    const value = came[name];
    const current = choice[name];
    if (special.has(name) || (value === null && current !== undefined)) continue;
    if (isExactObject(value) && isExactObject(current)) mergeOthers(current, value, PROTOTYPE);
    else if (isNumbers(value) && isNumbers(current)) choice[name] = current.concat(value);
    else choice[name] = value;
  }
}

/** Token ids, of which vLLM sends those of the chunk. */
function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'number');
}
