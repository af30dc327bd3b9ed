import {
  LOST,
  NOT_RUN,
  REJECTED,
  Retry,
  row,
  UNREADABLE,
  type UpstreamFailure,
} from '../domain/upstream-failure.ts';
import { Phase } from '../domain/vocabulary.ts';

const NOT_CONNECTED: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const TLS_FAULT =
  /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA$|INVALID_PURPOSE$|EPROTO$|HOSTNAME_MISMATCH$)/;
/** Faults of a connection. Others with a code (ERR_INVALID_URL, UND_ERR_INVALID_ARG) are faults of a call. */
const TRANSPORT = /^(E[A-Z0-9]+|HPE_[A-Z_]*|UND_ERR_(?!INVALID_ARG$|NOT_SUPPORTED$)[A-Z_]+)$/;
const TIMED_OUT: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT']);

/** What was known when an exception came: how far the call had got, and whether we broke it off. */
export interface CallProgress {
  readonly phase: Phase;
  /** The attempt's own limit, or its cancellation, ended the call. */
  readonly aborted: boolean;
}

/** The rows 1 to 8b and 50: no answer, one that broke off, or one that is no HTTP. The causes' codes decide. */
export function classifyError(error: unknown, progress: CallProgress): UpstreamFailure {
  const { phase, aborted } = progress;
  const known = { phase };
  const unsent = { ...NOT_RUN, phase: Phase.connect };
  const refused = { ...REJECTED, ...unsent };
  const fault = aborted || phase === Phase.connect ? null : protocolFault(error, phase);
  if (fault !== null) return row({ ...UNREADABLE, ...known, detail: fault });
  if (phase === Phase.headers || phase === Phase.body) {
    const detail = aborted ? 'the answer was not complete when the time of the attempt was over' : null;
    return row({ code: 'upstream_response_lost', ...LOST, ...known, detail });
  }
  if (aborted) {
    return phase === Phase.connect
      ? row({ code: 'upstream_unreachable', ...unsent })
      : row({ code: 'upstream_timeout', ...known });
  }
  const codes = [...causes(error)].flatMap(codeOf);
  if (codes.includes('ENOTFOUND'))
    return row({ code: 'upstream_unreachable', ...unsent, retry: Retry.twice });
  if (codes.some((code) => TLS_FAULT.test(code)) && phase === Phase.connect) {
    return row({ code: 'upstream_tls_error', ...refused });
  }
  if (codes.some((code) => NOT_CONNECTED.has(code)) || isConnectFault(error)) {
    return row({ code: 'upstream_unreachable', ...unsent });
  }
  const isTransport = codes.some((code) => TRANSPORT.test(code) || TLS_FAULT.test(code));
  if (phase === Phase.connect) {
    // A handshake that broke off; else thrown while the call was being built, for a bad header value or URL.
    return isTransport
      ? row({ code: 'upstream_unreachable', ...unsent })
      : row({ code: 'configuration_error', ...refused });
  }
  if (codes.some((code) => TIMED_OUT.has(code))) return row({ code: 'upstream_timeout', ...known });
  if (isTransport) return row({ code: 'upstream_connection_lost', ...known });
  return row({ code: 'internal_error', ...known, retry: Retry.never });
}

/** undici's own words for an answer that its parser turns away and that is no truncation; null for anything else. */
function protocolFault(error: unknown, phase: Phase): string | null {
  const all = [...causes(error)];
  const codes = all.flatMap(codeOf);
  if (codes.includes('UND_ERR_HEADERS_OVERFLOW')) return 'headers that are larger than can be read';
  const messages = all.flatMap((cause) => (cause instanceof Error ? [cause.message] : []));
  // Before the head is read, undici's count of the body's bytes says no more than that the parser gave up.
  const isUncounted = phase === Phase.request && codes.includes('UND_ERR_RES_CONTENT_LENGTH_MISMATCH');
  const isUnparsed =
    codes.some((code) => code.startsWith('HPE_')) && !messages.some((text) => /\bEOF\b/.test(text));
  const isUnasked = messages.includes('bad response') || messages.includes('bad upgrade');
  // undici asserts what its parser lets through: a status below 100, a 101 without an upgrade.
  const isUnexpected = phase === Phase.request && codes.includes('ERR_ASSERTION');
  return isUncounted || isUnparsed || isUnasked || isUnexpected ? 'bytes that break the rules of HTTP' : null;
}

/** The error, its causes, and the errors that an AggregateError (several addresses tried) holds. */
export function* causes(error: unknown, depth = 0): Generator<object> {
  if (typeof error !== 'object' || error === null || depth > 8) return;
  yield error;
  if ('cause' in error) yield* causes(error.cause, depth + 1);
  if (error instanceof AggregateError) for (const inner of error.errors) yield* causes(inner, depth + 1);
}

function codeOf(error: object): string[] {
  // undici's word for an answer that is not HTTP; it leaves the parser's own code out.
  if ('name' in error && error.name === 'HTTPParserError') return ['HPE_'];
  return 'code' in error && typeof error.code === 'string' ? [error.code] : [];
}

function isConnectFault(error: unknown): boolean {
  return [...causes(error)].some((cause) => 'syscall' in cause && cause.syscall === 'connect');
}
