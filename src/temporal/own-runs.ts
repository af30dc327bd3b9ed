import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import { Refusal } from '../domain/refusal.ts';
import type { StoredRequest } from '../domain/requests.ts';
import { DELETION_TYPE, isRunMemo, MEMO_KEY, WORKFLOW_TYPE, type RunMemo } from '../domain/run.ts';
import type { Availability } from './availability.ts';
import { createDecoder } from './decode.ts';
import { readRun, type RunState } from './read-run.ts';
import { unavailable, withinBudget, type RpcBudget } from './rpc-budget.ts';
import { toRecord, type RecordSettings } from './to-record.ts';

/** The newest run of a request of ours. */
export interface OwnRun {
  readonly description: WorkflowExecutionDescription;
  readonly memo: RunMemo;
}

/** What Temporal has under an id. */
export type Found = OwnRun | 'nothing' | 'foreign' | 'being deleted';

/** Finds and reads our runs; each call throws `service_unavailable` when Temporal does not answer in its budget. */
export interface OwnRuns {
  find(id: string, budget: RpcBudget): Promise<Found>;
  /** Null where `find` finds no run of ours. */
  findOwn(id: string, budget: RpcBudget): Promise<OwnRun | null>;
  load(run: OwnRun, budget: RpcBudget): Promise<StoredRequest & { readonly state: RunState }>;
  /** Any other call of Temporal's API. */
  call<T>(budget: RpcBudget, call: () => Promise<T>): Promise<T>;
}

export function createOwnRuns(
  client: Client,
  availability: Availability,
  settings: () => RecordSettings,
): OwnRuns {
  const decoder = createDecoder(client.options.loadedDataConverter);

  async function call<T>(budget: RpcBudget, made: () => Promise<T>): Promise<T> {
    return withinBudget(budget, client.connection.withDeadline(budget.deadlineMs, made));
  }

  async function find(id: string, budget: RpcBudget): Promise<Found> {
    const description = await call(budget, () => client.workflow.getHandle(id).describe()).catch(
      (error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return null;
        throw toUnavailable(error);
      },
    );
    availability.noteAnswer();
    if (description === null) return 'nothing';
    const memo = description.memo?.[MEMO_KEY];
    if (!isRunMemo(memo)) return 'foreign';
    if (description.type === DELETION_TYPE) return 'being deleted';
    return description.type === WORKFLOW_TYPE ? { description, memo } : 'foreign';
  }

  return {
    call,
    find,
    findOwn: async (id, budget) => {
      const found = await find(id, budget);
      return typeof found === 'string' ? null : found;
    },
    load: async ({ description, memo }, budget) => {
      const state = await call(budget, () => readRun(client, decoder, description, memo)).catch(
        (error: unknown) => {
          throw toUnavailable(error);
        },
      );
      return { ...toRecord(description, memo, state, settings()), state };
    },
  };
}

function toUnavailable(error: unknown): Refusal {
  return error instanceof Refusal ? error : unavailable(error);
}
