import { isExactObject } from '../exact-json.ts';
import { responseEvent } from './response-events.ts';
import { GROWING } from './response-table.ts';
import { sequenceNumber, type StreamEvent } from './stream-event.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** An event without its number. */
interface Draft {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** The name of the event with the text of a part, by the part's type. */
const TEXT_OF_PART: Readonly<Record<string, string>> = {
  output_text: 'output_text',
  refusal: 'refusal',
  reasoning_text: 'reasoning_text',
};
/** The name of the event with the text of an item, by the item's type, and the member that has the text. */
const TEXT_OF_ITEM: Readonly<Record<string, readonly [event: string, member: string]>> = {
  function_call: ['function_call_arguments', 'arguments'],
  mcp_call: ['mcp_call_arguments', 'arguments'],
  custom_tool_call: ['custom_tool_call_input', 'input'],
  code_interpreter_call: ['code_interpreter_call_code', 'code'],
};
/** What the Response shows before it ends, of the members that it has. */
const BEFORE_THE_END = {
  status: 'in_progress',
  output: [],
  error: null,
  incomplete_details: null,
  usage: null,
  completed_at: null,
} as const;

/**
 * The events before the end of a Responses stream, for a Response that was not streamed. Each text is one delta. Official
 * clients accept them, because they have OpenAI's order.
 */
export function unstreamedResponse(answer: JsonObject, attempt: number): StreamEvent[] {
  const changed = Object.entries(BEFORE_THE_END).filter(([name]) => Object.hasOwn(answer, name));
  const response = { ...answer, ...Object.fromEntries(changed) };
  const output = Array.isArray(answer['output']) ? answer['output'] : [];
  const drafts: Draft[] = [
    { type: 'response.created', response },
    { type: 'response.in_progress', response },
    ...output.flatMap((item, index) => (isExactObject(item) ? itemEvents(item, index) : [])),
  ];
  return drafts.map(({ type, ...members }, ordinal) => {
    const json = JSON.stringify({ type, ...members }).slice(0, -1);
    return responseEvent(json, sequenceNumber(attempt, ordinal));
  });
}

function itemEvents(item: JsonObject, output_index: number): Draft[] {
  const at = { item_id: item['id'], output_index };
  const begun: Record<string, unknown> = { ...blank(item) };
  if (Object.hasOwn(item, 'status')) begun['status'] = 'in_progress';
  const content = partsOf(item, 'content').flatMap((part, content_index) =>
    partEvents(part, 'response.content_part', { ...at, content_index }),
  );
  const summary = partsOf(item, 'summary').flatMap((part, summary_index) =>
    partEvents(part, 'response.reasoning_summary_part', { ...at, summary_index }),
  );
  return [
    { type: 'response.output_item.added', output_index, item: begun },
    ...summary,
    ...content,
    ...textOfItem(item, at),
    { type: 'response.output_item.done', output_index, item },
  ];
}

function partEvents(part: JsonObject, name: string, at: JsonObject): Draft[] {
  return [
    { type: `${name}.added`, ...at, part: blank(part) },
    ...textOfPart(part, name, at),
    { type: `${name}.done`, ...at, part },
  ];
}

function textOfPart(part: JsonObject, name: string, at: JsonObject): Draft[] {
  const type = typeof part['type'] === 'string' ? part['type'] : '';
  const event =
    name === 'response.reasoning_summary_part' ? 'reasoning_summary_text' : (TEXT_OF_PART[type] ?? null);
  const member = type === 'refusal' ? 'refusal' : 'text';
  const text = part[member];
  if (event === null || typeof text !== 'string') return [];
  const logprobs = event === 'output_text' ? { logprobs: partsOrNone(part['logprobs']) } : {};
  const annotations = event === 'output_text' ? partsOrNone(part['annotations']) : [];
  return [
    ...(text === '' ? [] : [{ type: `response.${event}.delta`, ...at, delta: text, ...logprobs }]),
    ...annotations.map((annotation, annotation_index) => ({
      type: 'response.output_text.annotation.added',
      ...at,
      annotation_index,
      annotation,
    })),
    { type: `response.${event}.done`, ...at, [member]: text, ...logprobs },
  ];
}

function textOfItem(item: JsonObject, at: JsonObject): Draft[] {
  const [event, member] = TEXT_OF_ITEM[String(item['type'])] ?? [];
  const text = member === undefined ? undefined : item[member];
  if (event === undefined || member === undefined || typeof text !== 'string') return [];
  return [
    ...(text === '' ? [] : [{ type: `response.${event}.delta`, ...at, delta: text }]),
    { type: `response.${event}.done`, ...at, [member]: text },
  ];
}

/** An item or a part before its texts and its parts came. */
function blank(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      if (GROWING.has(name) && typeof member === 'string') return [name, ''];
      return [name, LISTS.has(name) && Array.isArray(member) ? [] : member];
    }),
  );
}

const LISTS: ReadonlySet<string> = new Set(['content', 'summary', 'annotations', 'logprobs']);

function partsOf(item: JsonObject, name: string): JsonObject[] {
  return partsOrNone(item[name]).filter(isExactObject);
}

function partsOrNone(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
