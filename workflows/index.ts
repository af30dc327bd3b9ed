/** Everything the worker's bundle exports: one workflow type. Its name is the contract with open runs. */
export { durableRequest } from './durable-request.ts';
