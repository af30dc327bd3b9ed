import type { Assembly } from './assembly-types.ts';
import { createChatAssembly } from './chat-assembly.ts';
import { createResponsesAssembly } from './responses-assembly.ts';
import type { StreamedOperation } from './stream-event.ts';

export type { Added, Assembly } from './assembly-types.ts';

/** @param attempt the attempt's number in the attempt log, from 1 */
export function createAssembly(operation: StreamedOperation, attempt: number): Assembly {
  return operation === 'responses' ? createResponsesAssembly(attempt) : createChatAssembly(operation);
}
