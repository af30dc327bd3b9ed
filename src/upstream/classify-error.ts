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
/**
 * Error codes of a failed connection. Other codes (ERR_INVALID_URL, UND_ERR_INVALID_ARG) mean that the call
 * was built wrongly.
 */
const TRANSPORT = /^(E[A-Z0-9]+|HPE_[A-Z_]*|UND_ERR_(?!INVALID_ARG$|NOT_SUPPORTED$)[A-Z_]+)$/;
const TIMED_OUT: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT']);

/** The state of the call when it threw: how far it had got, and whether ReqRun aborted it. */
export interface CallProgress {
  readonly phase: Phase;
  /** The attempt timeout or a cancellation ended the call. */
  readonly aborted: boolean;
}

/**
 * Classifies rows 1 to 8b and 50 of docs/upstream-outcomes.md: no answer, an answer that broke off, or one
 * that is not HTTP. The error codes in the chain of causes decide.
 */
export function classifyError(error: unknown, progress: CallProgress): UpstreamFailure {
  const { phase, aborted } = progress;
  const known = { phase };
  const unsent = { ...NOT_RUN, phase: Phase.connect };
  const refused = { ...REJECTED, ...unsent };
  const fault = aborted || phase === Phase.connect ? null : protocolFault(error, phase);
  if (fault !== null) return row({ ...UNREADABLE, ...known, detail: fault });
  if (phase === Phase.headers || phase === Phase.body || phase === Phase.stream) {
    const detail = aborted ? 'the answer was not complete when the attempt timed out' : null;
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
    // A transport error here is a TLS handshake that broke off. Anything else was thrown while the call was
    // being built, for a bad header value or URL.
    return isTransport
      ? row({ code: 'upstream_unreachable', ...unsent })
      : row({ code: 'configuration_error', ...refused });
  }
  if (codes.some((code) => TIMED_OUT.has(code))) return row({ code: 'upstream_timeout', ...known });
  if (isTransport) return row({ code: 'upstream_connection_lost', ...known });
  return row({ code: 'internal_error', ...known, retry: Retry.never });
}

/**
 * Describes an answer that undici's parser rejects, unless the answer is only truncated. Null for any other
 * error.
 */
function protocolFault(error: unknown, phase: Phase): string | null {
  const all = [...causes(error)];
  const codes = all.flatMap(codeOf);
  if (codes.includes('UND_ERR_HEADERS_OVERFLOW')) return 'headers that are too large to read';
  const messages = all.flatMap((cause) => (cause instanceof Error ? [cause.message] : []));
  // Before the head is read, undici's count of the body bytes only shows that its parser gave up.
  const isUncounted = phase === Phase.request && codes.includes('UND_ERR_RES_CONTENT_LENGTH_MISMATCH');
  const isUnparsed =
    codes.some((code) => code.startsWith('HPE_')) && !messages.some((text) => /\bEOF\b/.test(text));
  const isUnasked = messages.includes('bad response') || messages.includes('bad upgrade');
  // undici's parser accepts a status below 100 and a 101 without an upgrade, and an assertion fails later.
  const isUnexpected = phase === Phase.request && codes.includes('ERR_ASSERTION');
  return isUncounted || isUnparsed || isUnasked || isUnexpected ? 'bytes that are not valid HTTP' : null;
}

/** Yields the error, its causes, and the errors inside an AggregateError (several addresses were tried). */
export function* causes(error: unknown, depth = 0): Generator<object> {
  if (typeof error !== 'object' || error === null || depth > 8) return;
  yield error;
  if ('cause' in error) yield* causes(error.cause, depth + 1);
  if (error instanceof AggregateError) for (const inner of error.errors) yield* causes(inner, depth + 1);
}

function codeOf(error: object): string[] {
  // HTTPParserError is undici's error for an answer that is not HTTP. It does not carry the parser's own
  // code.
  if ('name' in error && error.name === 'HTTPParserError') return ['HPE_'];
  return 'code' in error && typeof error.code === 'string' ? [error.code] : [];
}

function isConnectFault(error: unknown): boolean {
  return [...causes(error)].some((cause) => 'syscall' in cause && cause.syscall === 'connect');
}
