import type { Connection } from '@temporalio/client';
import { defineSearchAttributeKey, type SearchAttributePair, SearchAttributeType } from '@temporalio/common';
import manifest from '../../package.json' with { type: 'json' };
import { DEFAULT_PROJECT } from '../domain/project.ts';
import { IndexedValueType } from './sdk-internals.ts';

const MODEL_KEY = defineSearchAttributeKey('ReqRunModel', SearchAttributeType.KEYWORD);
const PROJECT_KEY = defineSearchAttributeKey('ReqRunProject', SearchAttributeType.KEYWORD);

/**
 * By what runs can be found in Temporal; plain text also where payloads are encrypted. The embedded server
 * registers them. Elsewhere an operator does, once, those that are wanted:
 * `temporal operator search-attribute create --name ReqRunModel --type Keyword`.
 */
export const SEARCH_ATTRIBUTES: readonly string[] = [MODEL_KEY.name, PROJECT_KEY.name];

/** What of a run can be searched for. */
export interface SearchableRun {
  readonly model: string;
  readonly project: string;
}

/** The search attributes of a run, given at its start only: those that are registered. */
export type RunSearchAttributes = (run: SearchableRun) => readonly SearchAttributePair[];

/** Asks for the namespace's own list: an attribute that is not registered, or as a number, would fail every start. */
export async function findSearchAttributes(
  connection: Connection,
  namespace: string,
): Promise<RunSearchAttributes> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const isRegistered = (name: string): boolean =>
    customAttributes[name] === IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
  const registered = SEARCH_ATTRIBUTES.filter(isRegistered);
  return (run) => pairsOf(run).filter(({ key }) => registered.includes(key.name));
}

/** The default project leaves no mark, as in its workflows' ids: what was run before there were projects is its own. */
function pairsOf({ model, project }: SearchableRun): SearchAttributePair[] {
  const byModel = { key: MODEL_KEY, value: model };
  return project === DEFAULT_PROJECT ? [byModel] : [byModel, { key: PROJECT_KEY, value: project }];
}

/** What a worker calls its code by. The version, for an API must know it that has no bundle to hash. */
export const BUILD_ID = `reqrun@${manifest.version}`;

/** Temporal's own attribute, in its own form for workers that take no part in versioning. */
const BUILD_IDS_KEY = defineSearchAttributeKey('BuildIds', SearchAttributeType.KEYWORD_LIST);

/**
 * After a run's first workflow task, the server writes the builds that worked on it into its visibility store: a
 * third write beside those of its start and its end. Given at the start, as the server would, nothing is left to
 * write. Only right where every task goes to a worker of this very version; elsewhere the server says it itself.
 */
export const FOREKNOWN_BUILD: SearchAttributePair = {
  key: BUILD_IDS_KEY,
  value: ['unversioned', `unversioned:${BUILD_ID}`],
};
