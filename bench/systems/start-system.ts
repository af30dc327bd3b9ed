import { spawnReady, startCalledInside } from './called-inside.ts';
import { calledOverHttp, type HttpSystem } from './called-over-http.ts';
import { startService } from './start-service.ts';
import type { Place, Surroundings, System, SystemName } from './system.ts';

/** The systems that have HTTP in front. */
export type HttpSystemName = 'direct' | 'plain' | 'service' | 'restate';

/** Starts a system. Resolves when it takes calls. */
export function startSystem(name: SystemName, place: Place, around: Surroundings): Promise<System> {
  if (name !== 'floor' && name !== 'naive') return startHttpSystem(name, place, around);
  const { directory, ports } = place;
  const args = { directory, port: ports[0], uiPort: ports[1], ...around };
  return startCalledInside(name, entryOf(name, args, directory));
}

/** Starts a system that has HTTP in front. Resolves when it takes calls. */
export async function startHttpSystem(
  name: HttpSystemName,
  { directory, ports }: Place,
  { upstreamURL }: Surroundings,
): Promise<HttpSystem> {
  const [port] = ports;
  switch (name) {
    case 'direct':
      return calledOverHttp(name, null, `${upstreamURL}/chat/completions`);
    case 'plain': {
      const spawned = await spawnReady(entryOf(name, { port, upstreamURL }, directory));
      return calledOverHttp(name, spawned, `http://127.0.0.1:${port}/v1/chat/completions`);
    }
    case 'restate': {
      const args = { directory, port, adminPort: ports[1], handlerPort: ports[2], upstreamURL };
      const spawned = await spawnReady(entryOf(name, args, directory));
      return calledOverHttp(name, spawned, `http://127.0.0.1:${port}/completions/complete`);
    }
    case 'service':
      return startService({ directory, ports }, upstreamURL);
  }
}

function entryOf(name: SystemName, args: object, directory: string) {
  return { path: `bench/systems/${name}-process.ts`, args: [JSON.stringify(args)], directory };
}
