import type { Connection } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';

/**
 * The embedded server registers it. Elsewhere an operator does, once:
 * `temporal operator search-attribute create --name ReqRunModel --type Keyword`.
 */
export const MODEL_ATTRIBUTE = 'ReqRunModel';

const MODEL_KEY = defineSearchAttributeKey(MODEL_ATTRIBUTE, SearchAttributeType.KEYWORD);

/** The search attributes of a run, given at its start only; undefined where they are not registered. */
export type RunSearchAttributes = (model: string) => TypedSearchAttributes | undefined;

/** Asks for the namespace's own list: an attribute that is not registered would fail every start. */
export async function findSearchAttributes(
  connection: Connection,
  namespace: string,
): Promise<RunSearchAttributes> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  if (!(MODEL_ATTRIBUTE in customAttributes)) return () => undefined;
  return (model) => new TypedSearchAttributes([{ key: MODEL_KEY, value: model }]);
}
