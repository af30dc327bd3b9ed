import { enter } from '../../domain/limit.ts';
import type { Requests } from '../../domain/requests.ts';
import { cancelRequest } from './cancel-request.ts';
import { deleteRequest } from './delete-request.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { createOwnRuns } from './own-runs.ts';
import { readRequest } from './read-request.ts';
import { retryRequest } from './retry-request.ts';
import { createStarts } from './starts.ts';
import { submitRequest } from './submit-request.ts';

/** {@link Requests} on Temporal: one workflow per request, whose id is the record's id. */
export function createTemporalRequests(dependencies: TemporalRequestsDependencies): Requests {
  const { client, availability, record, accepting } = dependencies;
  const runs = createOwnRuns(client, availability, record);
  const starts = createStarts(availability);
  async function admitted<T>(act: () => Promise<T>): Promise<T> {
    const place = enter(accepting);
    return act().finally(() => place.leave());
  }
  return {
    submit: (request, wait) => submitRequest(dependencies, runs, starts, request, wait),
    read: (id, wait) => readRequest(dependencies, runs, id, wait),
    cancel: (id) => admitted(() => cancelRequest(dependencies, runs, id)),
    retry: (id, options) => admitted(() => retryRequest(dependencies, runs, id, options)),
    delete: (id) => admitted(() => deleteRequest(dependencies, runs, id)),
    reachable: () => availability.check(),
  };
}
