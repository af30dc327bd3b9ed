import { createHash } from 'node:crypto';
import { isObject } from '../../domain/raw-json.ts';
import { Refusal } from '../../domain/refusal.ts';

/** An item of a request's input, as `input_items` shows it. */
type InputItem = Record<string, unknown> & { readonly id: string };

/** A page of items, in OpenAI's list shape. */
export interface ItemList {
  readonly object: 'list';
  readonly data: InputItem[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

export interface PageQuery {
  /** The id of the last item of the page before; undefined = the first page. */
  readonly after: string | undefined;
  readonly limit: number;
  readonly order: 'asc' | 'desc';
}

/** What OpenAI's ids of items begin with, by the item's type. */
const PREFIXES: Readonly<Record<string, string>> = {
  message: 'msg',
  reasoning: 'rs',
  function_call: 'fc',
  function_call_output: 'fco',
};

/**
 * One page of a request's own input. An item without an id gets one that depends on the record and the item's place
 * alone, so every reader sees the same.
 *
 * @param id of the record
 * @throws Refusal `invalid_value` when `after` names none of the items
 */
export function pageOfInput(id: string, body: Uint8Array, { after, limit, order }: PageQuery): ItemList {
  const all = toItems(id, body);
  const ordered = order === 'asc' ? all : all.toReversed();
  const before = after === undefined ? -1 : ordered.findIndex((item) => item.id === after);
  if (after !== undefined && before === -1) {
    throw new Refusal('invalid_value', { param: 'after', message: 'There is no item with this id.' });
  }
  const data = ordered.slice(before + 1, before + 1 + limit);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: before + 1 + data.length < ordered.length,
  };
}

function toItems(id: string, body: Uint8Array): readonly InputItem[] {
  const parsed: unknown = JSON.parse(new TextDecoder().decode(body));
  const input: unknown = isObject(parsed) ? parsed['input'] : undefined;
  const given = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
  return (Array.isArray(given) ? given : [])
    .filter(isObject)
    .map((item, nth) =>
      toItem(item, createHash('sha256').update(`${id}\n${nth}`).digest('hex').slice(0, 48)),
    );
}

/** OpenAI's "easy" messages are shown as full messages; all other items as they came. */
function toItem(item: Readonly<Record<string, unknown>>, name: string): InputItem {
  const type = typeof item['type'] === 'string' ? item['type'] : 'message';
  const id = typeof item['id'] === 'string' ? item['id'] : `${PREFIXES[type] ?? 'item'}_${name}`;
  if (type !== 'message') return { ...item, type, id };
  const { role = 'user', content } = item;
  const text = { type: role === 'assistant' ? 'output_text' : 'input_text', text: content };
  const shown =
    typeof content === 'string' ? [role === 'assistant' ? { ...text, annotations: [] } : text] : content;
  return { status: 'completed', ...item, type, id, role, content: shown };
}
