import { runEntryFile, type RunningProcess } from './process.ts';

/** What a worker of a test must know. */
export interface WorkerSettings {
  readonly temporalAddress: string;
  readonly taskQueue: string;
  readonly upstreamURL: string;
  /** Further variables. */
  readonly env?: Record<string, string>;
}

/** Starts a worker in a process of its own; resolves when it is ready. */
export async function startWorkerProcess({
  temporalAddress,
  taskQueue,
  upstreamURL,
  env = {},
}: WorkerSettings): Promise<RunningProcess> {
  const worker = runEntryFile('src/worker.ts', {
    TEMPORAL_ADDRESS: temporalAddress,
    REQRUN_TASK_QUEUE: taskQueue,
    OPENAI_BASE_URL: upstreamURL,
    ...env,
  });
  await worker.untilOutput('"ready"');
  return worker;
}
