import { until } from '../support/until.ts';
import { runEntryFile, type RunningProcess } from '../support/process.ts';

/** One process of a deployment, started again under the same name after a fault. */
export interface Member {
  readonly name: string;
  /** Null = it serves no HTTP. */
  readonly url: string | null;
  pid(): number;
  /** Starts it and waits until it is ready to work. */
  start(): Promise<void>;
  untilReady(): Promise<void>;
  untilEnded(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  end(signal: NodeJS.Signals): Promise<void>;
  /** Everything its processes ever wrote. */
  output(): string;
}

const READY_WITHIN_MS = 60_000;

/** @param url of its API, whose readiness counts; without one, its own word does */
export function createMember(
  name: string,
  entry: string,
  url: string | null,
  env: Record<string, string>,
): Member {
  let running: RunningProcess | null = null;
  const before: string[] = [];
  const current = (): RunningProcess => {
    if (running === null) throw new Error(`${name} was not started`);
    return running;
  };
  const hasEnded = ({ child }: RunningProcess): boolean =>
    child.exitCode !== null || child.signalCode !== null;
  const untilReady = async (): Promise<void> => {
    const started = current();
    await until(
      async () => {
        if (hasEnded(started)) throw new Error(`${name} ended:\n${started.output().slice(-2_000)}`);
        return url === null ? started.output().includes('"ready"') : isReady(url);
      },
      (ready) => ready,
      READY_WITHIN_MS,
    );
  };
  return {
    name,
    url,
    pid: () => current().child.pid ?? 0,
    start: async () => {
      if (running !== null) before.push(running.output());
      running = runEntryFile(entry, env);
      await untilReady();
    },
    untilReady,
    untilEnded: async () => void (await until(() => hasEnded(current()), Boolean)),
    signal: (signal) => void current().child.kill(signal),
    end: async (signal) => {
      if (running !== null) await running.end(signal);
    },
    output: () => [...before, running?.output() ?? ''].join(''),
  };
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3_000) }).then(
    ({ status }) => status === 200,
    () => false,
  );
}
