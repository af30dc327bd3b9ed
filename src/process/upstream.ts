import { readFile } from 'node:fs/promises';
import { type Config, secretOf } from '../config.ts';
import { startDemoUpstream } from '../demo/demo-upstream.ts';
import { MAX_RESPONSE_BYTES } from '../domain/raw-json.ts';
import { DEFAULT_PROJECT } from '../domain/project.ts';
import { describeUpstreamProxy, proxyFor, type ProxySettings } from '../domain/proxy.ts';
import type { UpstreamModels } from '../domain/upstream-models.ts';
import type { KeyRing, ProjectUpstream } from '../keys/key-ring.ts';
import { readHeaders } from '../keys/upstream-headers.ts';
import {
  createProjectUpstreams,
  type ProjectUpstreams,
  type UpstreamLookUp,
} from '../upstream/by-project.ts';
import { type ReadUpstream, openCommonUpstream } from './common-upstream.ts';
import type { Stopper } from './stop.ts';

/** The upstream that a worker calls, and its description for a person. */
export interface ChosenUpstream {
  readonly upstream: ProjectUpstreams;
  readonly baseURL: string;
  readonly isDemo: boolean;
  /** Text for a person: the proxy that calls use. Null = no variable names a proxy. */
  readonly proxy: string | null;
}

/**
 * Returns the configured upstream. If none is configured, starts the built-in demo upstream. A project with
 * an upstream of its own in the keys file uses that one.
 *
 * @param maxResponseBytes limit for the decoded answer of a call
 * @throws ConfigError if REQRUN_UPSTREAM_HEADERS_FILE cannot be used
 */
export async function chooseUpstream(
  config: Config,
  stopper: Stopper,
  keys: KeyRing | null,
  maxResponseBytes: number,
): Promise<ChosenUpstream> {
  const { proxies } = config;
  const configured = await openCommonUpstream(config, maxResponseBytes);
  const baseURL = config.upstream?.baseURL ?? (await startDemo(stopper));
  const demo = { baseURL, apiKey: null, maxResponseBytes };
  const common = configured ?? (async () => ({ settings: demo, streams: false }));
  const lookUp = createUpstreamLookUp({ keys, common, maxResponseBytes, proxies });
  const upstream = createProjectUpstreams(lookUp);
  stopper.add({ name: 'upstream client', stop: () => upstream.close() });
  return {
    upstream,
    baseURL,
    isDemo: config.upstream === null,
    proxy: describeUpstreamProxy(config.upstream?.baseURL ?? null, proxies),
  };
}

/**
 * Opens the upstreams that an API process without a worker asks for their models. It needs no upstream: without one,
 * such a call fails with `configuration_error`.
 *
 * @throws ConfigError if REQRUN_UPSTREAM_HEADERS_FILE cannot be used
 */
export async function openUpstreamModels(
  config: Config,
  stopper: Pick<Stopper, 'add'>,
  keys: KeyRing | null,
): Promise<UpstreamModels> {
  const common = (await openCommonUpstream(config)) ?? (async () => null);
  const { proxies } = config;
  const lookUp = createUpstreamLookUp({ keys, common, maxResponseBytes: MAX_RESPONSE_BYTES, proxies });
  const upstream = createProjectUpstreams(lookUp);
  stopper.add({ name: 'upstream client', stop: () => upstream.close() });
  return upstream;
}

async function startDemo(stopper: Stopper): Promise<string> {
  const demo = await startDemoUpstream();
  stopper.add({ name: 'demo upstream', stop: () => demo.close() });
  return demo.baseURL;
}

/** Visible ASCII, because the secret is sent in a header. */
const SECRET = /^[\x21-\x7e]+$/;

/** The sources to look an upstream up in. */
export interface UpstreamSources {
  /** Null = no keys file. Then only requests accepted by an open service can be sent. */
  readonly keys: KeyRing | null;
  readonly common: ReadUpstream;
  readonly maxResponseBytes: number;
  readonly proxies: ProxySettings;
}

/**
 * Creates the look-up of a project's upstream: the project's own in the keys file, else the service's. Only
 * this process reads the keys and headers. It reads them for each call, because a file may be replaced at any
 * time.
 */
export function createUpstreamLookUp(sources: UpstreamSources): UpstreamLookUp {
  const { keys, common, maxResponseBytes, proxies } = sources;
  return async ({ project, is_keyed }) => {
    const weight = keys?.weightOf(project) ?? 1;
    const own = keys?.upstreamOf(project);
    // The default project's requests may date from when the service was open, which needs no entry in the
    // keys file.
    if (own === undefined && (project !== DEFAULT_PROJECT || is_keyed)) return 'unusable';
    if (own === undefined || own === null) {
      const found = await common();
      return found === null ? 'unusable' : { owner: null, ...found, lanes: {}, weight };
    }
    const apiKey = await readKey(own);
    const { headers, unreadable } = await readHeaders(own.headers, secretOf);
    if (apiKey === undefined || unreadable.length > 0) return 'unusable';
    const { baseURL, sdkHeaders, lanes, streams, streamUsage } = own;
    const proxy = proxyFor(baseURL, proxies);
    const settings = { baseURL, apiKey, maxResponseBytes, proxy, headers, sdkHeaders, streamUsage };
    return { owner: project, settings, streams, lanes, weight };
  };
}

/** Reads the upstream's key. Null = the upstream needs none. Undefined = it needs one that cannot be read. */
async function readKey({ apiKeyEnv, apiKeyFile }: ProjectUpstream): Promise<string | null | undefined> {
  if (apiKeyEnv === null && apiKeyFile === null) return null;
  const read =
    apiKeyFile === null ? secretOf(apiKeyEnv ?? '') : await readFile(apiKeyFile, 'utf8').catch(() => null);
  const secret = read?.trim() ?? '';
  return SECRET.test(secret) ? secret : undefined;
}
