import { readFile } from 'node:fs/promises';
import { type Config, ConfigError, secretOf } from '../config.ts';
import { MAX_RESPONSE_BYTES } from '../domain/raw-json.ts';
import { proxyFor } from '../domain/proxy.ts';
import {
  parseUpstreamHeaders,
  readHeaders,
  setsAuthorization,
  type UpstreamHeaders,
} from '../keys/upstream-headers.ts';
import type { FoundUpstream } from '../upstream/by-project.ts';

/** The service-wide upstream. */
export type CommonUpstream = Pick<FoundUpstream, 'settings' | 'streams'>;
/** Reads the service-wide upstream. Null = the value of one of its headers cannot be read at the moment. */
export type ReadUpstream = () => Promise<CommonUpstream | null>;

/**
 * Opens the upstream that the environment configures. Null = none is configured. The list of its headers is
 * read once. Their values are read for each call, because a secret's file may be replaced at any time.
 *
 * @throws ConfigError if REQRUN_UPSTREAM_HEADERS_FILE cannot be used
 */
export async function openCommonUpstream(
  { upstream, upstreamHeadersFile, proxies }: Pick<Config, 'upstream' | 'upstreamHeadersFile' | 'proxies'>,
  maxResponseBytes: number = MAX_RESPONSE_BYTES,
): Promise<ReadUpstream | null> {
  const { headers: sources = {}, sdk_headers: sdkHeaders = true } = await readFileOf(upstreamHeadersFile);
  if (upstream === null) {
    if (upstreamHeadersFile === null) return null;
    throw faulty('needs OPENAI_BASE_URL or OPENAI_API_KEY, because without them the demo upstream is used');
  }
  const { baseURL, apiKey, accountHeaders, streams, streamUsage } = upstream;
  if (apiKey !== null && setsAuthorization(sources)) {
    throw faulty('must not set authorization together with OPENAI_API_KEY, which is sent in that header');
  }
  const { unreadable } = await readHeaders(sources, secretOf);
  if (unreadable.length > 0) throw faulty(`names values that cannot be read: ${unreadable.join(', ')}`);
  const proxy = proxyFor(baseURL, proxies);
  return async () => {
    const now = await readHeaders(sources, secretOf);
    if (now.unreadable.length > 0) return null;
    const headers = { ...accountHeaders, ...now.headers };
    const connection = { baseURL, apiKey, proxy, headers, sdkHeaders };
    return { settings: { ...connection, maxResponseBytes, streamUsage }, streams };
  };
}

async function readFileOf(path: string | null): Promise<UpstreamHeaders> {
  if (path === null) return {};
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) throw faulty('cannot be read');
  const parsed = parseUpstreamHeaders(text);
  if ('faults' in parsed) throw faulty(...parsed.faults);
  return parsed;
}

function faulty(...faults: readonly string[]): ConfigError {
  return new ConfigError(faults.map((fault) => `REQRUN_UPSTREAM_HEADERS_FILE ${fault}`));
}
