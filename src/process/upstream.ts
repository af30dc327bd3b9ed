import { readFile } from 'node:fs/promises';
import { type Config, secretOf } from '../config.ts';
import { startDemoUpstream } from '../demo/demo-upstream.ts';
import { MAX_RESPONSE_BYTES } from '../domain/raw-json.ts';
import { DEFAULT_PROJECT } from '../domain/project.ts';
import { describeUpstreamProxy, proxyFor, type ProxySettings } from '../domain/proxy.ts';
import type { KeyRing, ProjectUpstream } from '../keys/key-ring.ts';
import {
  createProjectUpstreams,
  type ProjectUpstreams,
  type UpstreamLookUp,
} from '../upstream/by-project.ts';
import { createUpstream } from '../upstream/client.ts';
import type { Stopper } from './stop.ts';

/** The upstream a worker calls, and how to name it to a person. */
export interface ChosenUpstream {
  readonly upstream: ProjectUpstreams;
  readonly baseURL: string;
  readonly isDemo: boolean;
  /** For a person: what calls go through; null where nothing names a proxy. */
  readonly proxy: string | null;
}

/**
 * The configured upstream; without one, the built-in demo upstream is started. Projects of the keys file that
 * have one of their own are served by that.
 */
export async function chooseUpstream(
  config: Config,
  stopper: Stopper,
  keys: KeyRing | null,
): Promise<ChosenUpstream> {
  const { proxies } = config;
  const chosen =
    config.upstream === null
      ? { baseURL: await startDemo(stopper), apiKey: null }
      : { ...config.upstream, proxy: proxyFor(config.upstream.baseURL, proxies) };
  const common = createUpstream({ ...chosen, maxResponseBytes: MAX_RESPONSE_BYTES });
  const upstream = createProjectUpstreams(common, createUpstreamLookUp(keys, MAX_RESPONSE_BYTES, proxies));
  stopper.add({ name: 'upstream client', stop: () => upstream.close() });
  return {
    upstream,
    baseURL: chosen.baseURL,
    isDemo: config.upstream === null,
    proxy: describeUpstreamProxy(config.upstream?.baseURL ?? null, proxies),
  };
}

async function startDemo(stopper: Stopper): Promise<string> {
  const demo = await startDemoUpstream();
  stopper.add({ name: 'demo upstream', stop: () => demo.close() });
  return demo.baseURL;
}

/** Visible ASCII: what a header carries. */
const SECRET = /^[\x21-\x7e]+$/;

/**
 * Finds the upstream of a project in the keys file. Its key is read for each call, by this process alone: a
 * file may be replaced at any time.
 *
 * @param keys null where there is no keys file: only what an open service accepted can be called for then
 */
export function createUpstreamLookUp(
  keys: KeyRing | null,
  maxResponseBytes: number,
  proxies: ProxySettings,
): UpstreamLookUp {
  return async ({ project, is_keyed }) => {
    const own = keys?.upstreamOf(project);
    // The default project's may be from days when the service was open, and its entry never needed.
    if (own === undefined) return project === DEFAULT_PROJECT && !is_keyed ? 'common' : 'unusable';
    if (own === null) return 'common';
    const key = await readKey(own);
    if (key === undefined) return 'unusable';
    return { baseURL: own.baseURL, apiKey: key, maxResponseBytes, proxy: proxyFor(own.baseURL, proxies) };
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
