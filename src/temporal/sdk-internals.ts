/**
 * The one file that reaches into the Temporal SDK behind its public API. Everything here is to be checked when
 * the SDK's version moves. It is kept out of the workflow bundle, because it loads the client.
 */
import type { WorkflowStartOptions } from '@temporalio/client';
import {
  InternalWorkflowStartOptionsSymbol,
  type InternalWorkflowStartOptions,
} from '@temporalio/client/lib/internal.js';
import proto from '@temporalio/proto';

/** `describe()` and histories hand payloads out encoded; the SDK decodes them only inside its own calls. */
export {
  decodeArrayFromPayloads,
  decodeOptionalFailureToOptionalError,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
/** Protobuf timestamps and durations, in milliseconds. */
export { msNumberToTs, optionalTsToDate } from '@temporalio/common/lib/time.js';

/** The enums of Temporal's API, by value; the package is CommonJS and has no named exports under Node. */
export const { HistoryEventFilterType, IndexedValueType, PendingActivityState, RetryState } =
  proto.temporal.api.enums.v1;

/**
 * Start options with a request id of our own. Temporal answers a start that is sent again under the same request
 * id with the run that the first one made.
 */
export function withStartId<T extends WorkflowStartOptions>(
  options: T,
  startId: string,
): T & InternalWorkflowStartOptions {
  return { ...options, [InternalWorkflowStartOptionsSymbol]: { requestId: startId } };
}
