import type { UpstreamFailure } from '../domain/upstream-failure.ts';
import { FAILURES } from '../domain/error-catalogue.ts';

/** What Temporal's UI shows of a failed attempt: short, telling, and nothing of the upstream's own text. */
export function describeFailure(failure: UpstreamFailure): string {
  const { code, upstreamStatus, upstreamCode, retryAfterMs } = failure;
  const named = upstreamCode === null ? '' : ` (${upstreamCode})`;
  const answered = upstreamStatus === null ? '' : `upstream answered ${upstreamStatus}${named}: `;
  const asked = retryAfterMs === null ? '' : ` It asked to wait ${retryAfterMs / 1000} s.`;
  return `${answered}${code}. ${FAILURES[code].meaning}${asked}`.replace(/\.$/, '');
}
