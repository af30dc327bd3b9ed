/** Everything the worker's bundle exports: the workflow types. Their names are the contract with open runs. */
export { deleteRequest } from './delete-request.ts';
export { durableRequest } from './durable-request.ts';
