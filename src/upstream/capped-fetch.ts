import { Agent, fetch as undiciFetch } from 'undici';
import type { Phase } from '../domain/words.ts';
import { reportPhases } from './call-phases.ts';
import { cap } from './response-cap.ts';

export interface CappedFetch {
  /** A fetch for one call, which tells how far the call has got. */
  reporting(
    report: (phase: Phase) => void,
  ): (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Breaks off what is still under way. */
  close(): Promise<void>;
}

/** Of an error's body only its `error` object is of use; a larger one counts as unreadable. */
export const MAX_ERROR_BYTES = 64 * 1024;

/** Ours and the client's own. OPENAI_CUSTOM_HEADERS, which no option of the client turns off, adds others. */
const SENT_HEADER =
  /^(accept|authorization|content-type|user-agent|x-client-request-id|x-stainless-[a-z-]+)$/;

/**
 * A fetch without undici's own limits (a model may think for longer than its 300 s), without redirects and
 * with a cap on the decoded body: undici counts none, and its compressed bytes may be a bomb.
 */
export function createCappedFetch(connectTimeoutMs: number, maxBytes: number): CappedFetch {
  const agent = new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    connections: null,
    allowH2: false,
    connect: { timeout: connectTimeoutMs },
  });
  return {
    close: () => agent.destroy(),
    reporting: (report) => async (url, init) => {
      const { body, status, headers } = await undiciFetch(String(url), {
        method: init?.method ?? 'POST',
        headers: [...new Headers(init?.headers)].filter(([name]) => SENT_HEADER.test(name)),
        body: init?.body instanceof Uint8Array ? init.body : null,
        signal: init?.signal ?? null,
        redirect: 'manual',
        dispatcher: agent.compose(reportPhases(report)),
      });
      const limit = status >= 200 && status < 300 ? maxBytes : Math.min(maxBytes, MAX_ERROR_BYTES);
      return toResponse(status, [...headers], body === null ? null : body.pipeThrough(cap(limit)));
    },
  };
}

/** A Response with any status: the constructor refuses those outside 200 to 599, the wire does not. */
function toResponse(
  status: number,
  headers: [string, string][],
  body: ReadableStream<Uint8Array> | null,
): Response {
  const bodiless = status === 204 || status === 205 || status === 304;
  const legal = status >= 200 && status <= 599;
  const response = new Response(bodiless ? null : body, { status: legal ? status : 599, headers });
  return legal ? response : Object.defineProperty(response, 'status', { value: status });
}
