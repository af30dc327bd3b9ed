import { Retry, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { Billed, Phase } from '../domain/words.ts';
import { LOST, NOT_RUN, row } from './failure.ts';

const NOT_CONNECTED: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const TLS_FAULT = /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO$|HOSTNAME_MISMATCH$)/;

/** What was known when an exception came: how far the call had got, and whether we broke it off. */
export interface CallProgress {
  readonly phase: Phase;
  /** The attempt's own limit, or its cancellation, ended the call. */
  readonly aborted: boolean;
  readonly upstreamStatus: number | null;
  readonly upstreamRequestId: string | null;
}

/** The rows 1 to 7 and 50: no answer, or one that broke off. The causes' codes decide; messages don't. */
export function classifyError(error: unknown, progress: CallProgress): UpstreamFailure {
  const { phase, aborted, upstreamStatus, upstreamRequestId } = progress;
  const known = { phase, upstreamStatus, upstreamRequestId };
  if (phase === Phase.body) return row({ code: 'upstream_response_lost', ...LOST, ...known });
  if (aborted) return row({ code: 'upstream_timeout', ...known });
  const codes = [...causes(error)].flatMap(codeOf);
  const connect = { ...NOT_RUN, phase: Phase.connect };
  if (codes.includes('ENOTFOUND')) return row({ code: 'upstream_unreachable', ...connect, retry: Retry.twice });
  if (codes.some((code) => TLS_FAULT.test(code))) {
    return row({ code: 'upstream_tls_error', ...connect, retry: Retry.never });
  }
  if (codes.some((code) => NOT_CONNECTED.has(code)) || isConnectFault(error)) {
    return row({ code: 'upstream_unreachable', ...connect });
  }
  if (phase === Phase.connect) {
    // Thrown while the call was being built: an invalid header value or URL.
    return row({ code: 'configuration_error', ...connect, billed: Billed.no, retry: Retry.never });
  }
  if (codes.length > 0) return row({ code: 'upstream_connection_lost', ...known });
  return row({ code: 'internal_error', ...known, retry: Retry.never });
}

/** The error, its causes, and the errors that an AggregateError (several addresses tried) holds. */
function* causes(error: unknown, depth = 0): Generator<object> {
  if (typeof error !== 'object' || error === null || depth > 8) return;
  yield error;
  if ('cause' in error) yield* causes(error.cause, depth + 1);
  if (error instanceof AggregateError) for (const inner of error.errors) yield* causes(inner, depth + 1);
}

function codeOf(error: object): string[] {
  return 'code' in error && typeof error.code === 'string' ? [error.code] : [];
}

function isConnectFault(error: unknown): boolean {
  return [...causes(error)].some((cause) => 'syscall' in cause && cause.syscall === 'connect');
}
