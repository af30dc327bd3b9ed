import { isFailedFinish, isSet } from '../completeness.ts';
import { isExactObject, parseExactlyOrLeniently } from '../exact-json.ts';
import { forward, HOLD, type Added } from './added.ts';
import { CHAT_OBJECTS, chunkEvent, type ChatOperation } from './chat-events.ts';
import { compile, fill } from './fill.ts';
import { Forwarder } from './forwarder.ts';
import { mergeChoice, needsEnd, settle } from './merge-choice.ts';
import { Outline } from './outline.ts';
import { DONE, type StreamEvent } from './stream-event.ts';

/** Members of a chunk that are not merged as they are: padding, and those with rules of their own. */
const SPECIAL = new Set(['choices', 'object', 'obfuscation', '__proto__']);

/** Assembles the chunks of chat completions or completions. */
export function createChatAssembly(operation: ChatOperation) {
  const choices: Record<string, unknown>[] = [];
  const answer: Record<string, unknown> = {};
  const forwarder = new Forwarder(
    (outline, _ordinal, original) =>
      original ?? chunkEvent(operation, answer, fill(compile(outline), outline, answer) ?? '[]'),
  );
  let isDone = false;
  let hasContent = false;

  function addChunk(chunk: Record<string, unknown>, original: StreamEvent): Added {
    mergeTop(chunk);
    const came = Array.isArray(chunk['choices']) ? chunk['choices'].filter(isExactObject) : [];
    if (came.length === 0) return HOLD;
    const outline = new Outline();
    outline.text = '[';
    let ends = false;
    for (const choice of came) {
      const start = outline.checkpoint();
      outline.changes = false;
      if (outline.text !== '[') outline.text += ',';
      hasContent = mergeChoice(operation, choices, choice, outline) || hasContent;
      if (!isSet(choice['finish_reason'])) continue;
      ends = true;
      if (!outline.changes) outline.rewind(start);
    }
    if (outline.text === '[') return HOLD;
    outline.text += ']';
    return forward(forwarder.push(outline, ends ? null : original));
  }

  function mergeTop(chunk: Readonly<Record<string, unknown>>): void {
    if (!Object.hasOwn(answer, 'choices')) {
      for (const name of ['id', 'object', 'created', 'model']) {
        if (Object.hasOwn(chunk, name)) answer[name] = chunk[name];
      }
      answer['object'] = CHAT_OBJECTS[operation].whole;
      answer['choices'] = choices;
    }
    for (const name of Object.keys(chunk)) {
      const value = chunk[name];
      if (value !== null && value !== '' && !SPECIAL.has(name)) answer[name] = value;
    }
  }

  return {
    add(event: StreamEvent): Added {
      if (event.data === DONE) {
        isDone = true;
        return forward(forwarder.flush());
      }
      const chunk = parseExactlyOrLeniently(event.data);
      if (!isExactObject(chunk)) return { kind: 'malformed' };
      if (isSet(chunk['error']) || event.event === 'error' || hasFailedChoice(chunk['choices'])) {
        return { kind: 'error', error: chunk };
      }
      const added = addChunk(chunk, event);
      // What is held back for a longer delta has none to wait for.
      return added.kind === 'hold' && choices.length > 0 && !choices.some(needsEnd)
        ? forward(forwarder.flush())
        : added;
    },
    get forwarded() {
      return forwarder.count;
    },
    get isFinished() {
      return isDone || (choices.length > 0 && !choices.some(needsEnd));
    },
    get isOver() {
      return isDone;
    },
    get hasContent() {
      return hasContent;
    },
    answer,
    cuts: forwarder.cuts,
    bytes() {
      choices.forEach(settle);
      return Buffer.from(JSON.stringify(answer));
    },
  };
}

function hasFailedChoice(choices: unknown): boolean {
  return (
    Array.isArray(choices) &&
    choices.some(
      (choice) =>
        isExactObject(choice) && (isSet(choice['error']) || isFailedFinish(choice['finish_reason'])),
    )
  );
}
