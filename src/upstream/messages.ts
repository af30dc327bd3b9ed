import { FAILURES } from '../domain/error-catalogue.ts';
import type { UpstreamFailure } from '../domain/upstream-failure.ts';

/**
 * What Temporal's UI shows of a failed attempt: short, telling, and nothing of the upstream's own text.
 * For example "429 from upstream (rate_limit_exceeded), asked to wait 2 s".
 */
export function describeFailure(failure: UpstreamFailure): string {
  const { code, upstreamStatus, upstreamCode, retryAfterMs } = failure;
  const asked = retryAfterMs === null ? '' : `, asked to wait ${retryAfterMs / 1000} s`;
  const isAnswer = upstreamStatus !== null && (upstreamStatus < 200 || upstreamStatus > 299);
  if (!isAnswer) return `${code}: ${FAILURES[code].meaning.replace(/\.$/, '')}${asked}`;
  return `${upstreamStatus} from upstream (${upstreamCode ?? code})${asked}`;
}
