import type { Requests } from '../domain/requests.ts';
import { cancelRequest } from './cancel-request.ts';
import { deleteRequest } from './delete-request.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { createOwnRuns } from './own-runs.ts';
import { readRequest } from './read-request.ts';
import { retryRequest } from './retry-request.ts';
import { submitRequest } from './submit-request.ts';

/** {@link Requests} on Temporal: one workflow per request, whose id is the record's id. */
export function createTemporalRequests(dependencies: TemporalRequestsDependencies): Requests {
  const { client, availability, record } = dependencies;
  const runs = createOwnRuns(client, availability, record);
  return {
    submit: (request, wait) => submitRequest(dependencies, runs, request, wait),
    read: (id, wait) => readRequest(dependencies, runs, id, wait),
    cancel: (id) => cancelRequest(dependencies, runs, id),
    retry: (id, options) => retryRequest(dependencies, runs, id, options),
    delete: (id) => deleteRequest(dependencies, runs, id),
    reachable: () => availability.check(),
  };
}
