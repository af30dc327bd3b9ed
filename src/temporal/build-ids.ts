import { defineSearchAttributeKey, SearchAttributeType, type SearchAttributePair } from '@temporalio/common';
import manifest from '../../package.json' with { type: 'json' };

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
