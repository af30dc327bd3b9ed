import { type LimitReport, type LimitState, NO_REPORT } from '../domain/lane.ts';
import { bindsFirst, inWholeTokens } from './binding-limit.ts';
import { draftStates } from './ratelimit-field.ts';
import { msUntil } from './reset-time.ts';

/**
 * Reads what an upstream reports of its limits in the headers of an answer. Never throws. Values that cannot be read
 * are ignored, such as Azure's `-1` (learn.microsoft.com/answers/questions/5625878).
 *
 * After the prefix, a name has three parts in any order: limit, remaining or reset; what is limited; which window.
 *
 * - OpenAI (platform.openai.com/docs/guides/rate-limits): `x-ratelimit-remaining-requests`, `-tokens`,
 *   `-project-tokens`. Resets are Go durations: `6m0s`.
 * - Groq (console.groq.com/docs/rate-limits): the same names. Requests are per day, tokens per minute.
 * - Azure OpenAI, GitHub Models (github.com/openai/openai-dotnet/issues/838): the same names. Resets are seconds. Older
 *   versions of Azure send only `remaining`.
 * - Anthropic (platform.claude.com/docs/en/api/rate-limits): `anthropic-ratelimit-requests-remaining`, `-tokens-`,
 *   `-input-tokens-`, `-output-tokens-`. Resets are RFC 3339 times.
 * - Cerebras (inference-docs.cerebras.ai/support/rate-limits): `x-ratelimit-remaining-tokens-minute`,
 *   `-requests-day`. Resets are seconds with a fraction.
 * - Mistral (github.com/mistralai/client-ts/issues/169): `x-ratelimit-remaining-req-minute`, `-tokens-minute`, without
 *   resets. Earlier `ratelimitbysize-remaining`, for tokens (github.com/prism-php/prism, tests of Mistral).
 * - Together (docs.together.ai/docs/rate-limits): `x-ratelimit-remaining`, `-dynamic`, and `x-tokenlimit-remaining`.
 * - Fireworks (docs.fireworks.ai/guides/quotas_usage/rate-limits): `x-ratelimit-remaining-requests`, `-tokens-prompt`,
 *   `-tokens-generated`, without resets.
 * - OpenRouter (github.com/Gitlawb/openclaude/issues/936): `X-RateLimit-Remaining` with a reset in Unix ms.
 * - Gateways: the plain forms, also without `x-`, and with a window (Kong: `x-ratelimit-remaining-minute`).
 *
 * The documentation of xAI (docs.x.ai/developers/rate-limits), Cohere (docs.cohere.com/docs/rate-limits) and DeepInfra
 * (deepinfra.com/docs/advanced/rate-limits) names no such headers.
 */
export function readLimits(headers: Headers, nowMs: number): LimitReport {
  const windows = new Map<string, Window>();
  for (const [name, value] of headers) {
    if (value.length > MAX_VALUE) continue;
    const read = readName(name);
    if (read === null) continue;
    const { key, unit, field } = read;
    const window = windows.get(key) ?? { unit, limit: null, remaining: null, resetMs: null };
    if (field === 'reset') window.resetMs = wholeMs(value, nowMs);
    else window[field] = unitsOf(value);
    windows.set(key, window);
  }
  const drafts = draftStates(headers.get('ratelimit') ?? '', headers.get('ratelimit-policy') ?? '', nowMs);
  if (windows.size === 0 && drafts.length === 0) return NO_REPORT;
  const known = [...windows.values()].filter(({ limit, remaining }) => limit !== null || remaining !== null);
  const of = (unit: Unit): LimitState[] =>
    known
      .filter((window) => window.unit === unit)
      .map(({ limit, remaining, resetMs }) => ({ limit, remaining, resetMs }));
  return {
    requests: bindsFirst([...of('requests'), ...drafts]),
    tokens: inWholeTokens(bindsFirst(of('tokens')), { input: of('input'), output: of('output') }),
  };
}

/** What a limit counts. `input` and `output` are tokens of which only one side counts. */
type Unit = 'requests' | 'tokens' | 'input' | 'output';
type Field = 'limit' | 'remaining' | 'reset';

interface Window {
  readonly unit: Unit;
  limit: number | null;
  remaining: number | null;
  resetMs: number | null;
}

/** No limit needs a longer value. */
const MAX_VALUE = 200;

const NAME = /^((?:x-|anthropic-)?(rate-?limit|ratelimitbysize|tokenlimit))-([a-z_-]+)$/;

const isField = (word: string): word is Field => ['limit', 'remaining', 'reset'].includes(word);

const UNIT_WORDS: ReadonlyMap<string, Unit> = new Map([
  ['request', 'requests'],
  ['requests', 'requests'],
  ['req', 'requests'],
  ['token', 'tokens'],
  ['tokens', 'tokens'],
]);
const SIDE_WORDS: ReadonlyMap<string, Unit> = new Map([
  ['input', 'input'],
  ['prompt', 'input'],
  ['output', 'output'],
  ['generated', 'output'],
]);
/** Words that say which of several limits of the same unit it is. */
const WINDOW_WORDS: ReadonlySet<string> = new Set([
  'second',
  'minute',
  'hour',
  'day',
  'month',
  'project',
  'dynamic',
  'cache',
  'adjusted',
]);

/**
 * Reads the name of a header in lower case. Null if a word is not known, because the limit may count something else, such
 * as images, seconds of audio or calls at the same time.
 */
function readName(name: string): { readonly key: string; readonly unit: Unit; readonly field: Field } | null {
  const [, prefix = '', family, rest] = NAME.exec(name) ?? [];
  if (rest === undefined) return null;
  const words = rest.split(/[-_]/);
  const [field, ...others] = words.filter(isField);
  const window = words.filter((word) => !isField(word));
  if (field === undefined || others.length > 0 || !window.every(isKnown)) return null;
  const unit =
    find(SIDE_WORDS, window) ??
    find(UNIT_WORDS, window) ??
    (family === 'ratelimitbysize' || family === 'tokenlimit' ? 'tokens' : 'requests');
  return { key: [prefix, ...window].join(' '), unit, field };
}

function isKnown(word: string): boolean {
  return UNIT_WORDS.has(word) || SIDE_WORDS.has(word) || WINDOW_WORDS.has(word);
}

function find(units: ReadonlyMap<string, Unit>, words: readonly string[]): Unit | undefined {
  return words.map((word) => units.get(word)).find((unit) => unit !== undefined);
}

/**
 * Reads a number of units. The limit of the first IETF drafts may be followed by its policy: `100, 100;w=60`. A header
 * that was sent twice is not read, because it is not known which of its values counts.
 */
function unitsOf(value: string): number | null {
  const units = /^(\d{1,15}(?:\.\d{1,9})?)(?:[,;].*\bw=\d.*)?$/.exec(value.trim())?.[1];
  return units === undefined ? null : Number(units);
}

function wholeMs(value: string, nowMs: number): number | null {
  const until = msUntil(value, nowMs);
  return until === null ? null : Math.ceil(until);
}
