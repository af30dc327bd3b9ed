import type { Assembly } from './assembly-types.ts';

export function createResponsesAssembly(_attempt: number): Assembly {
  throw new Error('Not built yet');
}
