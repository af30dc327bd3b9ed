import { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './until.ts';

const { History } = proto.temporal.api.history.v1;
const {
  DescribeWorkflowExecutionResponse: Described,
  ListWorkflowExecutionsResponse: Listed,
  QueryWorkflowResponse: Queried,
} = proto.temporal.api.workflowservice.v1;

/** All that a Temporal server tells of its workflows, as the bytes it sends. */
export interface WholeServer {
  readonly list: Buffer;
  /** With memo, search attributes, static summary, and pending activities with their heartbeats and failures. */
  readonly descriptions: Buffer;
  readonly histories: Buffer;
  /** Answers to the UI's own query: details and definitions. */
  readonly queries: Buffer;
}

/** @param count how many runs it must list; visibility comes a moment later */
export async function readWholeServer(address: string, count: number): Promise<WholeServer> {
  const connection = await Connection.connect({ address });
  const { workflowService } = connection;
  const namespace = 'default';
  const list = await until(
    () => workflowService.listWorkflowExecutions({ namespace, pageSize: 1_000 }),
    ({ executions }) => (executions?.length ?? 0) >= count,
  );
  const all = {
    descriptions: [] as Uint8Array[],
    histories: [] as Uint8Array[],
    queries: [] as Uint8Array[],
  };
  for (const { execution } of list.executions ?? []) {
    const run = { namespace, execution: execution ?? null };
    all.descriptions.push(Described.encode(await workflowService.describeWorkflowExecution(run)).finish());
    const { history } = await workflowService.getWorkflowExecutionHistory(run);
    all.histories.push(History.encode(history ?? {}).finish());
    const query = { queryType: '__temporal_workflow_metadata' };
    all.queries.push(Queried.encode(await workflowService.queryWorkflow({ ...run, query })).finish());
  }
  await connection.close();
  return {
    list: Buffer.from(Listed.encode(list).finish()),
    descriptions: Buffer.concat(all.descriptions),
    histories: Buffer.concat(all.histories),
    queries: Buffer.concat(all.queries),
  };
}

/** Every file under a directory. */
export async function readAllFiles(directory: string): Promise<Buffer> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Buffer.concat(
    await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name)))),
  );
}
