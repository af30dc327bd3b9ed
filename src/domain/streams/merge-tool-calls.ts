import { isExactObject } from '../exact-json.ts';
import type { Path } from './cuts.ts';
import { mergeMembers } from './merge-delta.ts';
import type { Outline } from './outline.ts';

/** The upstream's `index` of each tool call, which the answer does not show. */
const INDEX = Symbol('index');

interface ToolCall extends Record<string, unknown> {
  /** Null = the upstream gave none. */
  [INDEX]: number | null;
}

/**
 * Merges the tool calls of a delta by their `index`. An id that differs begins another call, because some providers give
 * all calls the index 0 (LangChain has the same rule). Without an index, the id decides. Without both, the last call goes
 * on.
 */
export function mergeToolCalls(
  message: Record<string, unknown>,
  came: readonly Readonly<Record<string, unknown>>[],
  path: Path,
  outline: Outline,
): void {
  const current = message['tool_calls'];
  const calls: unknown[] = Array.isArray(current) ? current : [];
  message['tool_calls'] = calls;
  let separator = '';
  for (const { index: given, ...call } of came) {
    const index = Number.isSafeInteger(given) && Number(given) >= 0 ? Number(given) : null;
    const position = positionOf(calls, index, call['id']);
    if (position === calls.length) {
      const begun: ToolCall = { [INDEX]: index };
      calls.push(begun);
      outline.changes = true;
    }
    const target = calls[position];
    const step = outline.addIndex(position);
    outline.text += `${separator}{"index":`;
    separator = ',';
    outline.markIndex(step, index ?? position);
    if (isExactObject(target)) mergeMembers(target, call, [...path, step], outline, false);
    outline.text += '}';
  }
}

/** The position of the call that a delta belongs to; the length of the list for a new call. */
function positionOf(calls: readonly unknown[], index: number | null, id: unknown): number {
  const hasId = typeof id === 'string' && id !== '';
  if (index === null) {
    if (hasId) {
      const known = calls.findIndex((call) => isExactObject(call) && call['id'] === id);
      return known === -1 ? calls.length : known;
    }
    return Math.max(calls.length - 1, 0);
  }
  const latest = calls.findLastIndex((call) => isToolCall(call) && call[INDEX] === index);
  if (latest === -1) return calls.length;
  const call = calls[latest];
  const isOther = hasId && isExactObject(call) && Boolean(call['id']) && call['id'] !== id;
  return isOther ? calls.length : latest;
}

function isToolCall(value: unknown): value is ToolCall {
  return typeof value === 'object' && value !== null && INDEX in value;
}
