import { isSet } from '../completeness.ts';
import { isExactObject, parseExactlyOrLeniently } from '../exact-json.ts';
import { editMembers, memberBytes } from '../json-members.ts';
import { forward, HOLD, type Added } from './added.ts';
import { compile, fill } from './fill.ts';
import { Forwarder } from './forwarder.ts';
import { mergeResponseEvent } from './merge-response-event.ts';
import { Outline } from './outline.ts';
import { responseEvent, withNumber } from './response-events.ts';
import { FINAL, isNotReplayed, LIFECYCLE, RESPONSE_EVENTS } from './response-table.ts';
import { DONE, sequenceNumber, type StreamEvent } from './stream-event.ts';

/** Characters of the templates of unknown events. Any further ones keep their number and are not replayed. */
const MAX_UNKNOWN = 8 * 1024;

/** Assembles the events of a Responses stream. */
export function createResponsesAssembly(attempt: number) {
  const answer: Record<string, unknown> = { output: [] };
  const forwarder = new Forwarder((outline, ordinal, original) => {
    const number = sequenceNumber(attempt, ordinal);
    if (original !== null) return { event: original.event, data: withNumber(original.data, number) };
    return responseEvent(fill(compile(outline), outline, answer) ?? '{"type":"keepalive"', number);
  });
  const unknown = new Set<string>();
  let unknownSize = 0;
  let whole: Uint8Array | null = null;
  let isFinished = false;
  let isDone = false;
  let hasContent = false;

  function isReplayed(type: string, outline: Outline): boolean {
    if (RESPONSE_EVENTS.has(type) || LIFECYCLE.has(type) || unknown.has(outline.text)) return true;
    if (unknownSize + outline.text.length > MAX_UNKNOWN) return false;
    unknown.add(outline.text);
    unknownSize += outline.text.length;
    return true;
  }

  function finish(response: Record<string, unknown>, text: string): Added {
    const { output } = answer;
    const streamed = Array.isArray(output) ? output.filter(isExactObject) : [];
    const isEmpty = !Array.isArray(response['output']) || response['output'].length === 0;
    const bytes = memberBytes(Buffer.from(text), 'response') ?? Buffer.from(JSON.stringify(response));
    whole =
      isEmpty && streamed.length > 0
        ? editMembers(bytes, { output: { json: JSON.stringify(streamed), adds: true } })
        : bytes;
    for (const name of Object.keys(answer)) delete answer[name];
    Object.assign(answer, response, isEmpty ? { output: streamed } : {});
    isFinished = true;
    hasContent ||= streamed.length > 0 || !isEmpty;
    return forward(forwarder.flush());
  }

  return {
    add(event: StreamEvent): Added {
      isDone ||= event.data === DONE;
      if (isFinished || isDone) return HOLD;
      const parsed = parseExactlyOrLeniently(event.data);
      if (!isExactObject(parsed)) return { kind: 'malformed' };
      const type = typeof parsed['type'] === 'string' ? parsed['type'] : (event.event ?? '');
      if (type === 'error' || type === 'response.failed' || isSet(parsed['error'])) {
        return { kind: 'error', error: parsed };
      }
      if (FINAL.has(type)) {
        const { response } = parsed;
        return isExactObject(response) ? finish(response, event.data) : { kind: 'malformed' };
      }
      const original: StreamEvent = { event: event.event ?? type, data: event.data };
      const outline = isNotReplayed(type) ? null : mergeResponseEvent(answer, type, parsed);
      hasContent ||= outline === null ? type.endsWith('.delta') : outline.changes;
      return forward(
        outline !== null && isReplayed(type, outline)
          ? forwarder.push(outline, original)
          : forwarder.pushGap(new Outline(), original),
      );
    },
    get forwarded() {
      return forwarder.count;
    },
    get isFinished() {
      return isFinished;
    },
    get isOver() {
      return isFinished || isDone;
    },
    get hasContent() {
      return hasContent;
    },
    answer,
    cuts: forwarder.cuts,
    bytes: () => whole ?? Buffer.from(JSON.stringify(answer)),
  };
}
