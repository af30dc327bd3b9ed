import type { LimitState } from '../domain/lane.ts';
import { msUntil } from './reset-time.ts';

/**
 * Reads the `RateLimit` field of the IETF drafts (draft-ietf-httpapi-ratelimit-headers). Draft 07 has one dictionary:
 * `limit=10, remaining=0, reset=9`. Later drafts have a list of policies: `"default";r=0;t=9`, whose quotas are in
 * `RateLimit-Policy`: `"default";q=100;w=60`. Policies with another quota unit than requests are left out.
 *
 * @param policy the value of `RateLimit-Policy`, or an empty text
 */
export function draftStates(field: string, policy: string, nowMs: number): LimitState[] {
  if (field === '' || field.length > MAX_FIELD) return [];
  if (/(?:^|[\s,])remaining=/.test(field)) {
    const members = parametersOf(field.replaceAll(',', ';'));
    return stateOf(members.get('limit'), members.get('remaining'), members.get('reset'), nowMs);
  }
  const policies = new Map(policy.length > MAX_FIELD ? [] : itemsOf(policy));
  return itemsOf(field).flatMap(([name, parameters]) => {
    const quota = policies.get(name);
    const unit = quota?.get('qu') ?? 'requests';
    if (unit !== 'requests' && unit !== 'request') return [];
    return stateOf(quota?.get('q'), parameters.get('r'), parameters.get('t'), nowMs);
  });
}

/** No known upstream sends more. */
const MAX_FIELD = 1_000;

/** The items of a list, by name. A name is quoted or, in early drafts, bare. */
function itemsOf(list: string): [string, Map<string, string>][] {
  return list.split(',').map((item) => {
    const [name = '', ...parameters] = item.split(';');
    return [unquoted(name), parametersOf(parameters.join(';'))];
  });
}

function parametersOf(text: string): Map<string, string> {
  return new Map(
    text.split(';').map((parameter): [string, string] => {
      const [name = '', ...value] = parameter.split('=');
      return [name.trim(), unquoted(value.join('='))];
    }),
  );
}

function unquoted(text: string): string {
  return text.trim().replace(/^"(.*)"$/, '$1');
}

function stateOf(
  limit: string | undefined,
  remaining: string | undefined,
  reset: string | undefined,
  nowMs: number,
): LimitState[] {
  const left = integer(remaining);
  const untilMs = reset === undefined ? null : msUntil(reset, nowMs);
  if (left === null) return [];
  return [{ limit: integer(limit), remaining: left, resetMs: untilMs === null ? null : Math.ceil(untilMs) }];
}

function integer(text = ''): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
