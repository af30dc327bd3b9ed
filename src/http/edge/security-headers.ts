import type { App } from '../app-types.ts';

/**
 * On every answer: it is JSON and nothing else, kept by no cache and shown in no frame. There is no CORS header
 * among them, so that no web page of another origin reads an answer.
 */
export const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
} as const;

/** Sends {@link SECURITY_HEADERS} with whatever is routed; what is not sets them itself. */
export function sendSecurityHeaders(app: App): void {
  app.addHook('onRequest', async (_request, reply) => void reply.headers(SECURITY_HEADERS));
}
