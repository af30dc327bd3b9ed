/** All exports of the worker's bundle: the workflow types. Open runs depend on these names. */
export { deleteRequest } from './delete-request.ts';
export { durableRequest } from './durable-request.ts';
