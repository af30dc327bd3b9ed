/**
 * The typed client of ReqRun, `reqrun/client`: the official OpenAI client with durable calls and `requests`.
 */
export { ReqRun, type ReqRunOptions } from './reqrun.ts';
export { Requests, WaitTimeoutError, type WaitOptions } from './requests.ts';
export { StreamSupersededError } from './resuming-fetch.ts';
export { signedFetch, type SigningOptions } from './signed-fetch.ts';
export type {
  CreateParams,
  DurableChat,
  DurableCompletions,
  DurableEmbeddings,
  DurableImages,
  DurableModerations,
  DurableParams,
  DurableResponses,
  StreamedParams,
} from './durable-resources.ts';
export type { AsyncRequest, Attempt, RequestError, RequestRecord } from '../domain/record.ts';
export type { NewRequestOptions, RequestOptions, RetryOptions } from '../domain/options.ts';
