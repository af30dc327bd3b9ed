import { enter } from '../../domain/limit.ts';
import { toWorkflowId } from '../../domain/request-id.ts';
import type { ProjectRequests, Requests, StoredRequest } from '../../domain/requests.ts';
import { createCallBudget, type CallBudget } from '../calls/call-budget.ts';
import { cancelRequest } from './cancel.ts';
import { deleteRequest } from './delete.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { createRunFinder } from './find-run.ts';
import { createJoinCalls } from './join-calls.ts';
import { readRequest } from './read.ts';
import { retryRequest } from './retry.ts';
import { createStartQueue } from './start-queue.ts';
import { submitRequest } from './submit.ts';

/** {@link Requests} on Temporal: one workflow per request. Everything within goes by the workflow's id. */
export function createTemporalRequests(dependencies: TemporalRequestsDependencies): Requests {
  const { client, availability, record, accepting } = dependencies;
  const runs = createRunFinder(client, availability, record);
  const starts = createStartQueue(availability, dependencies.start);
  const retries = createJoinCalls<StoredRequest | null>();
  /** What changes a request: one of so many at once, within one budget, and only while Temporal answers. */
  async function admitted<T>(act: (budget: CallBudget) => Promise<T>): Promise<T> {
    const place = enter(accepting);
    const budget = createCallBudget();
    return availability
      .ensure()
      .then(() => act(budget))
      .finally(() => place.leave());
  }
  function forProject(project: string): ProjectRequests {
    const named = (id: string): string => toWorkflowId({ project, id });
    return {
      submit: (request, wait) => submitRequest(dependencies, runs, starts, project, request, wait),
      read: (id, wait) => readRequest(dependencies, runs, named(id), wait),
      cancel: (id) => admitted((budget) => cancelRequest(dependencies, runs, named(id), budget)),
      retry: (id, retry) =>
        retries(JSON.stringify([named(id), retry]), () =>
          admitted((budget) => retryRequest(dependencies, runs, named(id), retry, budget)),
        ),
      delete: (id) => admitted((budget) => deleteRequest(dependencies, runs, named(id), budget)),
    };
  }
  return { forProject, reachable: () => availability.check() };
}
