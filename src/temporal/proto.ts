import proto from '@temporalio/proto';

/** The enums of Temporal's API, by value; the package is CommonJS and has no named exports under Node. */
export const { HistoryEventFilterType, IndexedValueType, PendingActivityState, RetryState } =
  proto.temporal.api.enums.v1;
