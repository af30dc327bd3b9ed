/**
 * Where the content of each event of a Responses stream stands in the Response. A path names members; a name of
 * `INDEXES` stands for the number that the event has under this name.
 */

/** The members of an event that are positions. */
export const INDEXES = [
  'output_index',
  'content_index',
  'summary_index',
  'annotation_index',
  'command_index',
] as const;
export type IndexName = (typeof INDEXES)[number];

export type Place = readonly string[];

interface Row {
  /** Members that are the next part of a string or an array. */
  readonly parts?: Readonly<Record<string, Place>>;
  /** Members that are a value as it is begun: more comes later. */
  readonly begun?: Readonly<Record<string, Place>>;
  /** Members that are a finished value. */
  readonly whole?: Readonly<Record<string, Place>>;
}

const ITEM: Place = ['output', 'output_index'];
const PART: Place = [...ITEM, 'content', 'content_index'];
const SUMMARY: Place = [...ITEM, 'summary', 'summary_index'];
const COMMAND: Place = [...ITEM, 'action', 'commands', 'command_index'];

/** A text that comes in deltas and once more when it is done. */
const text = (name: string, member: string, place: Place): Readonly<Record<string, Row>> => ({
  [`response.${name}.delta`]: { parts: { delta: place } },
  [`response.${name}.done`]: { whole: { [member]: place } },
});

export const RESPONSE_EVENTS: ReadonlyMap<string, Row> = new Map(
  Object.entries({
    'response.output_item.added': { begun: { item: ITEM } },
    'response.output_item.done': { whole: { item: ITEM } },
    'response.content_part.added': { begun: { part: PART } },
    'response.content_part.done': { whole: { part: PART } },
    'response.reasoning_summary_part.added': { begun: { part: SUMMARY } },
    'response.reasoning_summary_part.done': { whole: { part: SUMMARY } },
    'response.output_text.delta': { parts: { delta: [...PART, 'text'], logprobs: [...PART, 'logprobs'] } },
    'response.output_text.done': { whole: { text: [...PART, 'text'], logprobs: [...PART, 'logprobs'] } },
    'response.output_text.annotation.added': {
      whole: { annotation: [...PART, 'annotations', 'annotation_index'] },
    },
    ...text('refusal', 'refusal', [...PART, 'refusal']),
    ...text('reasoning_text', 'text', [...PART, 'text']),
    ...text('reasoning_summary_text', 'text', [...SUMMARY, 'text']),
    ...text('function_call_arguments', 'arguments', [...ITEM, 'arguments']),
    ...text('mcp_call_arguments', 'arguments', [...ITEM, 'arguments']),
    ...text('custom_tool_call_input', 'input', [...ITEM, 'input']),
    ...text('code_interpreter_call_code', 'code', [...ITEM, 'code']),
    ...text('shell_call_command', 'command', COMMAND),
    'response.shell_call_command.added': { parts: { command: COMMAND } },
  } satisfies Record<string, Row>),
);

/** Events that carry the Response as it stands. The content of its output comes with other events. */
export const LIFECYCLE: ReadonlySet<string> = new Set([
  'response.created',
  'response.queued',
  'response.in_progress',
]);

/** Events that are held back until the result is stored. */
export const FINAL: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete']);

/** Events whose content is not in the Response, or in another form. They keep their number and are not replayed. */
export function isNotReplayed(type: string): boolean {
  return (
    type === 'response.image_generation_call.partial_image' ||
    type.startsWith('response.shell_call_output_content.') ||
    (type.endsWith('.delta') && !RESPONSE_EVENTS.has(type))
  );
}

/** Strings that grow, wherever they stand in an item or a part. */
export const GROWING: ReadonlySet<string> = new Set(['text', 'refusal', 'arguments', 'input', 'code']);

/** Members of the Response that change until it has ended. */
export const CHANGING: ReadonlySet<string> = new Set([
  'status',
  'error',
  'incomplete_details',
  'usage',
  'completed_at',
  'service_tier',
]);
