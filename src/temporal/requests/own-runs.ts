import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import { Refusal } from '../../domain/refusal.ts';
import type { StoredRequest } from '../../domain/requests.ts';
import { DELETION_TYPE, isRunMemo, MEMO_KEY, WORKFLOW_TYPE, type RunMemo } from '../../domain/run.ts';
import type { Availability } from '../availability.ts';
import { createDecoder } from '../reading/decode.ts';
import { readRun, type RunState } from '../reading/read-run.ts';
import { unavailable, withinBudget, type RpcBudget } from '../rpc-budget.ts';
import { createSharedReads } from '../reading/shared-reads.ts';
import { toRecord, type RecordSettings } from '../reading/to-record.ts';
import { CALLS_AT_ONCE } from '../turns.ts';

/** The newest run of a request of ours. */
export interface OwnRun {
  readonly description: WorkflowExecutionDescription;
  readonly memo: RunMemo;
}

/** What Temporal has under an id. */
export type Found = OwnRun | 'nothing' | 'foreign' | 'being deleted';

/** The same, with the record. */
export type Loaded = (OwnRun & { readonly stored: StoredRequest }) | Exclude<Found, OwnRun>;

/** Finds and reads our runs; each call throws `service_unavailable` when Temporal does not answer in its budget. */
export interface OwnRuns {
  find(id: string, budget: RpcBudget): Promise<Found>;
  /** `find` and `load` in their turn, shared by those who wait for it together. */
  look(id: string, budget: RpcBudget): Promise<Loaded>;
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

  async function load({ description, memo }: OwnRun, budget: RpcBudget): ReturnType<OwnRuns['load']> {
    const state = await call(budget, () => readRun(client, decoder, description, memo)).catch(
      (error: unknown) => {
        throw toUnavailable(error);
      },
    );
    return { ...toRecord(description, memo, state, settings()), state };
  }

  return {
    call,
    find,
    load,
    look: createSharedReads(CALLS_AT_ONCE, async (id, budget): Promise<Loaded> => {
      const found = await find(id, budget);
      return typeof found === 'string' ? found : { ...found, stored: await load(found, budget) };
    }),
    findOwn: async (id, budget) => {
      const found = await find(id, budget);
      return typeof found === 'string' ? null : found;
    },
  };
}

function toUnavailable(error: unknown): Refusal {
  return error instanceof Refusal ? error : unavailable(error);
}
