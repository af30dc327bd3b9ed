/**
 * Process entry of the benchmark: Temporal as a first program uses it. A plain dev server, the SDK's
 * defaults, `result()`. The server's database is a file with SQLite's default sync, so it has no WAL.
 */
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createPlainCall } from './call-plainly.ts';
import { answerLoads } from './child.ts';
import { installQuietRuntime, readArguments, startServer } from './temporal-process.ts';

const taskQueue = 'naive';

const args = readArguments();
const flags = (databasePath: string): string[] => [
  ...['server', 'start-dev', '--ip', '127.0.0.1', '--log-level', 'error'],
  ...['--port', String(args.port), '--ui-port', String(args.uiPort), '--db-filename', databasePath],
];
const address = await startServer(args, flags, process.env);
installQuietRuntime();
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue,
  workflowsPath: fileURLToPath(new URL('naive-workflow.ts', import.meta.url)),
  activities: { callUpstream: createPlainCall(args.upstreamURL) },
});
void worker.run();
const client = new Client({ connection: await Connection.connect({ address }) });

answerLoads(async (body) => {
  const workflowId = randomUUID();
  await client.workflow.execute('naive', { workflowId, taskQueue, args: [body.toString()] });
});
