import type { App } from '../app-types.ts';

/**
 * The headers of every answer. Answers are JSON only, must not be cached and must not be shown in a frame.
 * There is no CORS header, so that no web page of another origin can read an answer.
 */
export const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
} as const;

/** Sets {@link SECURITY_HEADERS} on every routed request. Answers before routing set them themselves. */
export function sendSecurityHeaders(app: App): void {
  app.addHook('onRequest', async (_request, reply) => void reply.headers(SECURITY_HEADERS));
}
