import { freePort } from '../support/free-port.ts';
import { createOwnTemporal } from '../support/own-temporal.ts';
import { apiFaults } from './api-faults.ts';
import type { FaultDeployment } from './fault.ts';
import { createMember, type Member } from './member.ts';
import { temporalFaults } from './temporal-faults.ts';
import { workerFaults } from './worker-faults.ts';

export interface SeparateSettings {
  /** Of the Temporal server. */
  readonly dataDir: string;
  readonly upstreamURL: string;
  readonly temporalBinary: string;
}

/** A Temporal server that can be gone for a while. */
export interface TemporalMember {
  start(): Promise<void>;
  stop(): Promise<void>;
  pid(): number;
}

/** How long a dead worker goes unnoticed here. */
const HEARTBEAT_SECONDS = 2;

/** A Temporal server of its own, two API processes and two workers: `npm run api`, `npm run worker`. */
export async function createSeparateDeployment(settings: SeparateSettings): Promise<FaultDeployment> {
  const { dataDir, temporalBinary } = settings;
  const temporal = await createOwnTemporal(temporalBinary, { dataDir });
  const shared = {
    TEMPORAL_ADDRESS: temporal.address,
    OPENAI_BASE_URL: settings.upstreamURL,
    REQRUN_HEARTBEAT_TIMEOUT_SECONDS: String(HEARTBEAT_SECONDS),
    REQRUN_SHUTDOWN_GRACE_SECONDS: '1',
  };
  const createApi = async (name: string): Promise<Member> => {
    const port = await freePort();
    return createMember(name, 'src/api.ts', `http://127.0.0.1:${port}`, { ...shared, PORT: String(port) });
  };
  const createWorker = (name: string): Member =>
    createMember(name, 'src/worker.ts', null, { ...shared, OPENAI_API_KEY: name });
  const apis = [await createApi('api-1'), await createApi('api-2')] as const;
  const workers = [createWorker('sk-canary-worker-1'), createWorker('sk-canary-worker-2')] as const;
  const members = [...apis, ...workers];

  return {
    name: 'Temporal, 2 APIs, 2 workers',
    urls: apis.map(({ url }) => url ?? ''),
    faults: [
      ...apiFaults(apis),
      ...workerFaults(workers, HEARTBEAT_SECONDS),
      ...temporalFaults(temporal, apis),
    ],
    start: async () => {
      await temporal.start();
      await Promise.all(members.map((member) => member.start()));
    },
    stop: async () => {
      await Promise.all(members.map((member) => member.end('SIGTERM')));
      await temporal.stop();
    },
    output: () => members.map((member) => member.output()).join(''),
  };
}
