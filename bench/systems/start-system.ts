import { isListening } from '../../src/dev-server/ports.ts';
import { until } from '../../test/support/until.ts';
import { spawnReady, startCalledInside } from './called-inside.ts';
import { calledOverHttp, type HttpSystem } from './called-over-http.ts';
import { spawnEntry } from './spawn-entry.ts';
import type { Place, Surroundings, System, SystemName } from './system.ts';

/** The systems that have HTTP in front. */
export type HttpSystemName = 'direct' | 'plain' | 'service' | 'restate';

/** Wait of each call, s. Longer than any call of a load takes, and within ReqRun's maximum. */
const WAIT_SECONDS = 240;

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
    case 'service': {
      const env = {
        PORT: String(port),
        OPENAI_BASE_URL: upstreamURL,
        REQRUN_DATA_DIR: directory,
        REQRUN_TEMPORAL_PORT: String(ports[1]),
        REQRUN_TEMPORAL_UI_PORT: String(ports[2]),
        // As under npm: the process stops when the process that started it is gone.
        npm_lifecycle_event: 'start',
      };
      const spawned = await spawnEntry({ path: 'src/main.ts', args: [], env, directory });
      // The API is the last part that starts to listen.
      await Promise.race([until(() => isListening(port), Boolean, 60_000), spawned.died]);
      const url = `http://127.0.0.1:${port}/v1/chat/completions`;
      return calledOverHttp(name, spawned, url, { prefer: `wait=${WAIT_SECONDS}` });
    }
  }
}

function entryOf(name: SystemName, args: object, directory: string) {
  return { path: `bench/systems/${name}-process.ts`, args: [JSON.stringify(args)], directory };
}
