import type { Connection } from '@temporalio/client';
import { defineSearchAttributeKey, type SearchAttributePair, SearchAttributeType } from '@temporalio/common';
import manifest from '../../package.json' with { type: 'json' };
import { DEFAULT_PROJECT } from '../domain/project.ts';
import { IndexedValueType } from './sdk-internals.ts';

const MODEL_KEY = defineSearchAttributeKey('ReqRunModel', SearchAttributeType.KEYWORD);
const PROJECT_KEY = defineSearchAttributeKey('ReqRunProject', SearchAttributeType.KEYWORD);

/**
 * Search attributes of runs. They are plain text even if payloads are encrypted. The embedded server
 * registers them. On any other server an operator registers the wanted ones once:
 * `temporal operator search-attribute create --name ReqRunModel --type Keyword`.
 */
export const SEARCH_ATTRIBUTES: readonly string[] = [MODEL_KEY.name, PROJECT_KEY.name];

/** The searchable properties of a run. */
export interface SearchableRun {
  /** Null = the call named none. */
  readonly model: string | null;
  readonly project: string;
}

/** Returns the registered search attributes of a run. They are set only when the run starts. */
export type RunSearchAttributes = (run: SearchableRun) => readonly SearchAttributePair[];

/**
 * Reads which attributes the namespace has registered as keywords. Only those are set, because an attribute
 * that is missing or has another type would fail every start.
 */
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

/**
 * Omits the project attribute for the default project, as its workflow ids omit the project. Runs from before
 * projects existed therefore count as the default project's.
 */
function pairsOf({ model, project }: SearchableRun): SearchAttributePair[] {
  const byModel = model === null ? [] : [{ key: MODEL_KEY, value: model }];
  return project === DEFAULT_PROJECT ? byModel : [...byModel, { key: PROJECT_KEY, value: project }];
}

/**
 * Build id of a worker. It is the package version, because the API has no bundle to hash and must know the
 * id.
 */
export const BUILD_ID = `reqrun@${manifest.version}`;

/** Temporal's own search attribute for build ids, in the format it uses for unversioned workers. */
const BUILD_IDS_KEY = defineSearchAttributeKey('BuildIds', SearchAttributeType.KEYWORD_LIST);

/**
 * The `BuildIds` attribute, set when the run starts. Otherwise the server writes it after the first workflow
 * task: a third write to its visibility store, in addition to the writes at the run's start and end. Set this
 * only if every task goes to a worker of this exact version; in other deployments leave it to the server.
 */
export const FOREKNOWN_BUILD: SearchAttributePair = {
  key: BUILD_IDS_KEY,
  value: ['unversioned', `unversioned:${BUILD_ID}`],
};
