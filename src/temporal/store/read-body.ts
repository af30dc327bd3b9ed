import { isRawJson, type RawJson } from '../../domain/raw-json.ts';
import type { RequestRef } from '../../domain/request-id.ts';
import type { CallBudget } from '../calls/call-budget.ts';
import { contextOf } from '../run-state/decode.ts';
import { decodeArrayFromPayloads } from '../sdk-internals.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import type { RunFinder } from './find-run.ts';

/** The run whose body is read. All runs of a request have the same body. */
interface RunOfRequest {
  readonly ref: RequestRef;
  /** Null = the newest run. */
  readonly runId: string | null;
}

/**
 * Reads the body of a request as it is sent upstream: the second argument of its run, in the first event. Null if
 * there is no such run, or if the run is not a request's.
 */
export async function readBody(
  { client }: Pick<TemporalRequestsDependencies, 'client'>,
  runs: Pick<RunFinder, 'call'>,
  { ref: { workflowId }, runId }: RunOfRequest,
  budget: CallBudget,
): Promise<RawJson | null> {
  const { namespace, loadedDataConverter } = client.options;
  const page = await runs.call(budget, () =>
    client.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId, runId },
      maximumPageSize: 1,
    }),
  );
  const payloads = page?.history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads;
  const context = contextOf(client, workflowId);
  return (await decodeArrayFromPayloads(loadedDataConverter, payloads, context)).find(isRawJson) ?? null;
}
