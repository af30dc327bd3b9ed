import type { JsonBody } from './parse-json.ts';

/**
 * The body's text without some of its top-level members; every other character stays as it came, so that
 * what is sent upstream is what was validated.
 */
export function cutMembers({ text, members }: JsonBody, names: ReadonlySet<string>): string {
  const kept = members.filter(({ name }) => !names.has(name));
  if (kept.length === members.length) return text;
  const first = members[0];
  const last = members.at(-1);
  if (first === undefined || last === undefined) return text;
  const rest = kept.map(({ start, end }) => text.slice(start, end)).join(',');
  return text.slice(0, first.start) + rest + text.slice(last.end);
}
