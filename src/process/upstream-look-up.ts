import { readFile } from 'node:fs/promises';
import { secretOf } from '../config.ts';
import { DEFAULT_PROJECT } from '../domain/project.ts';
import type { KeyRing, ProjectUpstream } from '../keys/key-ring.ts';
import type { UpstreamLookUp } from '../upstream/by-project.ts';

/** Visible ASCII: what a header carries. */
const SECRET = /^[\x21-\x7e]+$/;

/**
 * Finds the upstream of a project in the keys file. Its key is read for each call, by this process alone: a
 * file may be replaced at any time.
 *
 * @param keys null where there is no keys file: only what an open service accepted can be called for then
 */
export function createUpstreamLookUp(keys: KeyRing | null, maxResponseBytes: number): UpstreamLookUp {
  return async ({ project, isKeyed }) => {
    const own = keys?.upstreamOf(project);
    // The default project's may be from days when the service was open, and its entry never needed.
    if (own === undefined) return project === DEFAULT_PROJECT && !isKeyed ? 'common' : 'unusable';
    if (own === null) return 'common';
    const key = await readKey(own);
    return key === undefined ? 'unusable' : { baseURL: own.baseURL, apiKey: key, maxResponseBytes };
  };
}

/** Null where the upstream needs none; undefined where it needs one that cannot be read. */
async function readKey({ apiKeyEnv, apiKeyFile }: ProjectUpstream): Promise<string | null | undefined> {
  if (apiKeyEnv === null && apiKeyFile === null) return null;
  const read =
    apiKeyFile === null ? secretOf(apiKeyEnv ?? '') : await readFile(apiKeyFile, 'utf8').catch(() => null);
  const secret = read?.trim() ?? '';
  return SECRET.test(secret) ? secret : undefined;
}
