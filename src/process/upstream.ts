import { readFile } from 'node:fs/promises';
import { type Config, secretOf } from '../config.ts';
import { startDemoUpstream } from '../demo/demo-upstream.ts';
import { MAX_RESPONSE_BYTES } from '../domain/raw-json.ts';
import { DEFAULT_PROJECT } from '../domain/project.ts';
import { describeUpstreamProxy, proxyFor, type ProxySettings } from '../domain/proxy.ts';
import type { KeyRing, ProjectUpstream } from '../keys/key-ring.ts';
import { readHeaders } from '../keys/upstream-headers.ts';
import {
  createProjectUpstreams,
  type ProjectUpstreams,
  type UpstreamLookUp,
} from '../upstream/by-project.ts';
import { type ReadUpstream, openCommonUpstream } from './common-upstream.ts';
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
 *
 * @throws ConfigError where REQRUN_UPSTREAM_HEADERS_FILE cannot be used
 */
export async function chooseUpstream(
  config: Config,
  stopper: Stopper,
  keys: KeyRing | null,
): Promise<ChosenUpstream> {
  const { proxies } = config;
  const configured = await openCommonUpstream(config);
  const baseURL = config.upstream?.baseURL ?? (await startDemo(stopper));
  const demo = { baseURL, apiKey: null, maxResponseBytes: MAX_RESPONSE_BYTES };
  const common = configured ?? (async () => demo);
  const lookUp = createUpstreamLookUp({ keys, common, maxResponseBytes: MAX_RESPONSE_BYTES, proxies });
  const upstream = createProjectUpstreams(lookUp);
  stopper.add({ name: 'upstream client', stop: () => upstream.close() });
  return {
    upstream,
    baseURL,
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

/** What an upstream is looked up in. */
export interface UpstreamSources {
  /** Null where there is no keys file: only what an open service accepted can be called for then. */
  readonly keys: KeyRing | null;
  readonly common: ReadUpstream;
  readonly maxResponseBytes: number;
  readonly proxies: ProxySettings;
}

/**
 * Finds the upstream of a project: its own in the keys file, else the service's. Keys and headers are read for each
 * call, by this process alone: a file may be replaced at any time.
 */
export function createUpstreamLookUp(sources: UpstreamSources): UpstreamLookUp {
  const { keys, common, maxResponseBytes, proxies } = sources;
  return async ({ project, is_keyed }) => {
    const own = keys?.upstreamOf(project);
    // The default project's may be from days when the service was open, and its entry never needed.
    if (own === undefined && (project !== DEFAULT_PROJECT || is_keyed)) return 'unusable';
    if (own === undefined || own === null) {
      const settings = await common();
      return settings === null ? 'unusable' : { owner: null, settings };
    }
    const apiKey = await readKey(own);
    const { headers, unreadable } = await readHeaders(own.headers, secretOf);
    if (apiKey === undefined || unreadable.length > 0) return 'unusable';
    const { baseURL, sdkHeaders } = own;
    const proxy = proxyFor(baseURL, proxies);
    return { owner: project, settings: { baseURL, apiKey, maxResponseBytes, proxy, headers, sdkHeaders } };
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
