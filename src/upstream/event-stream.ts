import { Retry, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { LOST, row } from './failure.ts';

/** The rows 20 and 21: an upstream that streams although it was not asked to. */
export function classifyEventStream(text: string): UpstreamFailure {
  if (/^event:\s*error\s*$/m.test(text) || /^data:\s*\{\s*"error"\s*:/m.test(text)) {
    return row({ code: 'upstream_error_in_stream', ...LOST });
  }
  const ended = /^data:\s*\[DONE\]\s*$/m.test(text) || /"finish_reason"\s*:\s*"/.test(text);
  return ended
    ? row({ code: 'upstream_invalid_response', retry: Retry.twice })
    : row({ code: 'upstream_stream_truncated', ...LOST });
}
