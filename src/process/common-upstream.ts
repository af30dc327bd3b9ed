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
import type { UpstreamSettings } from '../upstream/client.ts';

/** The service-wide upstream as it is now; null while the value of one of its headers cannot be read. */
export type ReadUpstream = () => Promise<UpstreamSettings | null>;

/**
 * The upstream that the environment configures; null for none. What its headers are is read once, their values for
 * each call: a secret's file may be replaced at any time.
 *
 * @throws ConfigError where REQRUN_UPSTREAM_HEADERS_FILE cannot be used
 */
export async function openCommonUpstream({
  upstream,
  upstreamHeadersFile,
  proxies,
}: Pick<Config, 'upstream' | 'upstreamHeadersFile' | 'proxies'>): Promise<ReadUpstream | null> {
  const { headers: sources = {}, sdk_headers: sdkHeaders = true } = await readFileOf(upstreamHeadersFile);
  if (upstream === null) {
    if (upstreamHeadersFile === null) return null;
    throw faulty('needs OPENAI_BASE_URL or OPENAI_API_KEY: without them the demo upstream answers');
  }
  const { baseURL, apiKey, accountHeaders } = upstream;
  if (apiKey !== null && setsAuthorization(sources)) {
    throw faulty('must not have authorization beside OPENAI_API_KEY, which is sent in it');
  }
  const { unreadable } = await readHeaders(sources, secretOf);
  if (unreadable.length > 0) throw faulty(`names values that cannot be read: ${unreadable.join(', ')}`);
  const proxy = proxyFor(baseURL, proxies);
  return async () => {
    const now = await readHeaders(sources, secretOf);
    if (now.unreadable.length > 0) return null;
    const headers = { ...accountHeaders, ...now.headers };
    return { baseURL, apiKey, maxResponseBytes: MAX_RESPONSE_BYTES, proxy, headers, sdkHeaders };
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
