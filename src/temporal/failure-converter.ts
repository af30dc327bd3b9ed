import { DefaultFailureConverter, type FailureConverter } from '@temporalio/common';

/**
 * Moves the messages and stacks of failures into a payload, which the codec encrypts. Failure types stay
 * visible. The workflow sandbox also loads this module by path. The SDK requires the export's name.
 */
export const failureConverter: FailureConverter = new DefaultFailureConverter({
  encodeCommonAttributes: true,
});
