import { METHODS } from 'node:http';
import { Refusal } from '../../domain/refusal.ts';
import type { App } from '../app-types.ts';

/** CONNECT is refused before routing. */
const REFUSABLE = METHODS.filter((method) => method !== 'CONNECT');

/** Collects the methods of every path while its routes are added. */
export function collectPaths(app: App): ReadonlyMap<string, Set<string>> {
  const paths = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = paths.get(url) ?? new Set();
    for (const one of [method].flat()) methods.add(one);
    paths.set(url, methods);
  });
  return paths;
}

/** Answers other methods of an existing path with 405 and Allow, before the body is read. */
export function refuseOtherMethods(app: App, paths: ReadonlyMap<string, Set<string>>): void {
  for (const method of REFUSABLE) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
  }
  for (const [url, methods] of [...paths]) {
    const allowed = [...methods].sort().join(', ');
    app.route({
      method: REFUSABLE.filter((method) => !methods.has(method)),
      url,
      schema: { hide: true },
      onRequest: async (_request, reply) => {
        reply.header('allow', allowed);
        throw new Refusal('method_not_allowed');
      },
      handler: async () => undefined,
    });
  }
}
