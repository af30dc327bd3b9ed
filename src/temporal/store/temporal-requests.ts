import { enter } from '../../domain/limit.ts';
import { textOf } from '../../domain/raw-json.ts';
import { type RequestRef, toRequestRef } from '../../domain/request-id.ts';
import type { ProjectRequests, Requests, StoredRequest } from '../../domain/requests.ts';
import { type CallBudget, createCallBudget } from '../calls/call-budget.ts';
import { createSingleFlight } from '../calls/single-flight.ts';
import { cancelRequest } from './cancel.ts';
import { deleteRequest } from './delete.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { createRunFinder } from './find-run.ts';
import { openText } from './large-texts.ts';
import { readBody } from './read-body.ts';
import { readRequest } from './read.ts';
import { retryRequest } from './retry.ts';
import { createStartQueue } from './start-queue.ts';
import { startRun } from './start-run.ts';
import { submitRequest } from './submit.ts';
import { followStream, submitStreamed } from './follow-stream.ts';

/** {@link Requests} on Temporal. Each request is one workflow, identified by its {@link RequestRef}. */
export function createTemporalRequests(dependencies: TemporalRequestsDependencies): Requests {
  const { client, availability, record, intake, start, waiters } = dependencies;
  const runs = createRunFinder(client, availability, record);
  const starts = createStartQueue((run, budget, eager) => startRun(client, start, run, budget, eager), {
    eagerStart: start.eagerStart,
    availability,
    rate: intake.rate,
  });
  const acceptor = { ...dependencies, runs, starts };
  const retries = createSingleFlight<StoredRequest | null>();
  /**
   * Runs a changing call under the limit for accepting, within one budget, and only while Temporal answers.
   */
  async function admitted<T>(act: (budget: CallBudget) => Promise<T>): Promise<T> {
    const place = intake.enterAtOnce();
    const budget = createCallBudget();
    return availability
      .ensure()
      .then(() => act(budget))
      .finally(() => place.leave());
  }
  function forProject(project: string): ProjectRequests {
    const refOf = (id: string): RequestRef => toRequestRef({ project, id });
    return {
      submit: (request, wait, place) =>
        submitRequest(waiters, acceptor, refOf(request.id), request, wait, place),
      submitStreamed: (request, hold, place) =>
        submitStreamed(dependencies, acceptor, refOf(request.id), request, hold, place),
      followStream: async (id, hold) => {
        await availability.ensure();
        return followStream(dependencies, runs, refOf(id), hold);
      },
      read: (id, wait) => readRequest(dependencies, runs, refOf(id), wait),
      open: (id, text) => openText(dependencies, refOf(id), text),
      readBody: async (id) => {
        const place = enter(dependencies.reading);
        try {
          await availability.ensure();
          const run = { ref: refOf(id), runId: null };
          const body = await readBody(dependencies, runs, run, createCallBudget());
          return body === null ? null : textOf(body);
        } finally {
          place.leave();
        }
      },
      cancel: (id) => admitted((budget) => cancelRequest(dependencies, runs, refOf(id), budget)),
      retry: (id, retry) => {
        const ref = refOf(id);
        const act = (): Promise<StoredRequest | null> =>
          admitted((budget) => retryRequest(dependencies, runs, ref, retry, budget));
        return retries.fly(JSON.stringify([ref.workflowId, retry]), act).result;
      },
      delete: (id) => admitted((budget) => deleteRequest(dependencies, runs, refOf(id), budget)),
    };
  }
  return { enter: intake.enter, forProject, reachable: () => availability.check() };
}
