/**
 * The only file that uses the Temporal SDK behind its public API. Check everything here when the SDK's
 * version changes. Keep it out of the workflow bundle, because it loads the client.
 */
import type { WorkflowStartOptions } from '@temporalio/client';
import {
  InternalWorkflowStartOptionsSymbol,
  type InternalWorkflowStartOptions,
} from '@temporalio/client/lib/internal.js';
import proto from '@temporalio/proto';

/**
 * Decoders for payloads. `describe()` and histories return payloads encoded, because the SDK decodes them
 * only inside its own calls.
 */
export {
  decodeArrayFromPayloads,
  decodeOptionalFailureToOptionalError,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
/** Convert between milliseconds or dates and protobuf timestamps or durations. */
export { msNumberToTs, optionalTsToDate } from '@temporalio/common/lib/time.js';

/**
 * Enums of Temporal's API as runtime values. They are destructured because the package is CommonJS and has no
 * named exports under Node.
 */
export const { HistoryEventFilterType, IndexedValueType, PendingActivityState, RetryState, TaskQueueType } =
  proto.temporal.api.enums.v1;

/**
 * Adds our own request id to the start options. Temporal answers a start that is sent again with the same
 * request id with the run that the first start created.
 */
export function withStartId<T extends WorkflowStartOptions>(
  options: T,
  startId: string,
): T & InternalWorkflowStartOptions {
  return { ...options, [InternalWorkflowStartOptionsSymbol]: { requestId: startId } };
}
