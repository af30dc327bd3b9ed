import { DefaultFailureConverter, type FailureConverter } from '@temporalio/common';

/**
 * Puts messages and stacks of failures into a payload, which the codec encrypts; types stay visible. Loaded by path
 * into the workflow sandbox as well. The name is the SDK's.
 */
export const failureConverter: FailureConverter = new DefaultFailureConverter({
  encodeCommonAttributes: true,
});
