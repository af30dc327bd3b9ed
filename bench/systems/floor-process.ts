/**
 * Process entry of the benchmark: the floor. A bare workflow with one activity, on the same kind of server as
 * ReqRun's and with every known optimisation. It is called in its own process: no HTTP, no validation, no
 * record.
 */
import { Client } from '@temporalio/client';
import { type InjectedSinks, NativeConnection, Worker } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { serverEnv, serverFlags } from '../../src/dev-server/flags.ts';
import { createPlainCall } from './call-plainly.ts';
import { answerLoads } from './child.ts';
import type { FloorSinks } from './floor-workflow.ts';
import { installQuietRuntime, readArguments, startServer } from './temporal-process.ts';

/** The same values as ReqRun's, so that memory in flight is comparable. */
const CALLS_AT_ONCE = 5_000;
const CACHED_RUNS = 6_000;
const taskQueue = 'floor';

const args = readArguments();
const address = await startServer(
  args,
  (databasePath) => serverFlags({ ...args, databasePath }),
  serverEnv(process.env),
);
installQuietRuntime();
const connection = await NativeConnection.connect({ address, grpcCompression: { codec: 'none' } });
const answered = new Map<string, () => void>();
const sinks: InjectedSinks<FloorSinks> = {
  calls: { answered: { fn: ({ workflowId }) => answered.get(workflowId)?.(), callDuringReplay: false } },
};
const worker = await Worker.create({
  connection,
  taskQueue,
  workflowBundle: { codePath: args.floorBundle },
  activities: { callUpstream: createPlainCall(args.upstreamURL) },
  sinks,
  maxConcurrentActivityTaskExecutions: CALLS_AT_ONCE,
  maxCachedWorkflows: CACHED_RUNS,
});
void worker.run();
const client = new Client({ connection });

answerLoads(async (body) => {
  const workflowId = randomUUID();
  const { promise, resolve } = Promise.withResolvers<void>();
  answered.set(workflowId, resolve);
  try {
    await client.workflow.start('floor', {
      workflowId,
      taskQueue,
      args: [body.toString()],
      requestEagerStart: true,
    });
    await promise;
  } finally {
    answered.delete(workflowId);
  }
});
