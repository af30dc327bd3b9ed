import type { FastifyRequest } from 'fastify';
import { Refusal } from '../domain/refusal.ts';
import { isRequestId } from '../domain/request-id.ts';
import type { ProjectRequests, Requests } from '../domain/requests.ts';
import { projectOf } from './authentication.ts';

/**
 * The requests of the caller's own project, and the id of the one that the path names.
 *
 * @throws Refusal `request_not_found` for what no request of the project can be called: it is not looked up
 */
export function namedRequest(
  requests: Requests,
  request: Pick<FastifyRequest, 'project'> & { readonly params: { readonly id: string } },
): { readonly own: ProjectRequests; readonly id: string } {
  const { name } = projectOf(request);
  const { id } = request.params;
  if (!isRequestId(id, name)) throw new Refusal('request_not_found');
  return { own: requests.forProject(name), id };
}
