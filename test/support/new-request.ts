import { RequestOptions } from '../../src/domain/options.ts';
import { NamedBy, type NewRequest } from '../../src/domain/requests.ts';

/** A chat completion with the key `a`, as the routes hand it to the store. */
export const NEW_REQUEST: Omit<NewRequest, 'body'> = {
  id: 'a',
  response: null,
  namedBy: NamedBy.key,
  operation: 'chat.completions',
  model: 'm',
  fingerprint: 'f',
  stream: false,
  options: RequestOptions.parse({}),
};

/** A function that the test's path does not call. */
export function unused(): never {
  throw new Error('not needed here');
}
