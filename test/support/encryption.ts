import { readFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { inject } from 'vitest';
import { until } from './until.ts';

const { History } = proto.temporal.api.history.v1;
const { DescribeWorkflowExecutionResponse, ListWorkflowExecutionsResponse } =
  proto.temporal.api.workflowservice.v1;

/** An entry of REQRUN_ENCRYPTION_KEYS that no other test has. */
export function newKey(id: string): string {
  return `${id}:${randomBytes(32).toString('base64')}`;
}

/** All that Temporal's API tells of a request, as the bytes it sends: history, describe and list. */
export async function storedOf(client: Client, workflowId: string): Promise<Buffer> {
  const { namespace } = client.options;
  const { workflowService } = client;
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  const described = await workflowService.describeWorkflowExecution({ namespace, execution: { workflowId } });
  const query = `WorkflowId = '${workflowId}'`;
  const listed = await until(
    () => workflowService.listWorkflowExecutions({ namespace, query }),
    ({ executions }) => (executions?.length ?? 0) > 0,
  );
  return Buffer.concat([
    History.encode(history).finish(),
    DescribeWorkflowExecutionResponse.encode(described).finish(),
    ListWorkflowExecutionsResponse.encode(listed).finish(),
  ]);
}

/** Which of the texts the server's database files hold. */
export async function foundInDatabase(texts: readonly string[]): Promise<string[]> {
  const path = inject('temporalDatabase');
  const files = [path, `${path}-wal`].map((file) => readFile(file).catch(() => Buffer.alloc(0)));
  const stored = Buffer.concat(await Promise.all(files));
  return texts.filter((text) => stored.includes(text));
}
