import { BlockList, isIP, isIPv4 } from 'node:net';
import { z } from 'zod';

/** An HTTP proxy that an environment variable configures. */
export interface HttpProxy {
  /** Scheme, host and port. Shown to people and logged, so never with credentials. */
  readonly origin: string;
  /** Null = the address of the proxy contains no credentials. */
  readonly credentials: { readonly username: string; readonly password: string } | null;
  /** The variable that configures it. */
  readonly namedBy: string;
}

/** Describes a proxy and its variable, for messages. */
export function describeProxy({ origin, namedBy }: HttpProxy): string {
  return `${origin} (${namedBy})`;
}

/** The proxies of upstream calls. */
export interface ProxySettings {
  readonly https: HttpProxy | null;
  readonly http: HttpProxy | null;
  /** The value of NO_PROXY, unchanged. */
  readonly exceptions: string;
}

/**
 * Returns the environment with its proxy variables in upper case. Each may be set in both cases; the
 * lower-case one takes precedence.
 */
export function withProxiesInCapitals(env: Env): Env {
  const names = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'];
  return { ...env, ...Object.fromEntries(names.map((name) => [name, env[name.toLowerCase()] ?? env[name]])) };
}

/** The zod schema of a variable that configures a proxy. The scheme may be left out, as curl allows. */
export function proxyUrl(namedBy: string) {
  return z
    .string()
    .transform((text, context): HttpProxy => {
      const url = URL.parse(text.includes('://') ? text : `http://${text}`);
      const credentials = url === null ? 'unreadable' : credentialsOf(url);
      if (url !== null && /^https?:$/.test(url.protocol) && credentials !== 'unreadable') {
        return { origin: url.origin, credentials, namedBy };
      }
      context.addIssue('must be the http or https URL of a proxy');
      return z.NEVER;
    })
    .optional();
}

/**
 * The proxy for an upstream; null = none. Follows the rules of undici's EnvHttpProxyAgent:
 *
 * - HTTP_PROXY also applies to https when HTTPS_PROXY is not set.
 * - An entry of NO_PROXY is a host, with or without a port. It includes the subdomains of the host.
 *
 * In addition, NO_PROXY may contain `*` among other entries, and ranges such as 10.0.0.0/8. The agent itself
 * is not used, because it offers no way to report at start which proxy it will use.
 */
export function proxyFor(url: string, { https, http, exceptions }: ProxySettings): HttpProxy | null {
  const { protocol, hostname, port } = new URL(url);
  const isSecure = protocol === 'https:';
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const isExempt = exceptions
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .some((entry) => isException(entry.toLowerCase(), host, port || (isSecure ? '443' : '80')));
  return isExempt ? null : isSecure ? (https ?? http) : http;
}

function isException(entry: string, host: string, port: string): boolean {
  if (entry === '*' || isWithin(host, entry)) return true;
  // An IPv6 address with a port is in brackets.
  const [, name = '', wanted] = isIP(entry) ? [entry, entry] : (/^(.+?)(?::(\d+))?$/.exec(entry) ?? []);
  if (wanted !== undefined && Number(wanted) !== Number(port)) return false;
  const bare = name.replace(/^\[|\]$/g, '').replace(/^\*?\./, '');
  return host === bare || host.endsWith(`.${bare}`);
}

/**
 * Describes the proxy of upstream calls, for messages. Null when no variable configures a proxy.
 *
 * @param url the address of the service-wide upstream; null = the demo upstream, which is on loopback
 */
export function describeUpstreamProxy(url: string | null, settings: ProxySettings): string | null {
  const used = url === null ? null : proxyFor(url, settings);
  if (used !== null) return describeProxy(used);
  const named = [...new Set([settings.https, settings.http])].filter((proxy) => proxy !== null);
  if (named.length === 0) return null;
  return `none for this upstream; for others ${named.map(describeProxy).join(', ')}`;
}

/** Environment variables. */
type Env = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a gRPC server; null = none. Follows the rules of grpc-js (its `http_proxy.ts`), which reads
 * the environment itself:
 *
 * - The proxy is `grpc_proxy`, else `https_proxy`, else `http_proxy`, all in lower case.
 * - No proxy is used when the host ends with an entry of `no_grpc_proxy`, else of `no_proxy`.
 *
 * Temporal's native client reads no variable, so it must be given the same proxy. Not called for loopback,
 * where no proxy is used.
 *
 * @param host without a port; an IPv6 address without brackets
 */
export function grpcProxy(env: Env, host: string): HttpProxy | null {
  const namedBy = ['grpc_proxy', 'https_proxy', 'http_proxy'].find((name) => Boolean(env[name]));
  const url = namedBy === undefined ? null : URL.parse(env[namedBy] ?? '');
  if (namedBy === undefined || url?.protocol !== 'http:') return null;
  const exceptions = env['no_grpc_proxy'] || env['no_proxy'];
  if (exceptions && exceptions.split(',').some((entry) => host.endsWith(entry) || isWithin(host, entry))) {
    return null;
  }
  const credentials = credentialsOf(url);
  return credentials === 'unreadable' ? null : { origin: url.origin, credentials, namedBy };
}

/** Whether an IP address lies in a range such as 10.0.0.0/8. */
function isWithin(host: string, range: string): boolean {
  const [, network, prefix] = /^([^/]+)\/(\d{1,3})$/.exec(range) ?? [];
  if (network === undefined || !isIP(network) || isIPv4(network) !== isIPv4(host) || !isIP(host))
    return false;
  const bits = Number(prefix);
  if (bits > (isIPv4(network) ? 32 : 128)) return false;
  const family = isIPv4(network) ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(host, family);
}

function credentialsOf({ username, password }: URL): HttpProxy['credentials'] | 'unreadable' {
  if (username === '') return null;
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    return 'unreadable';
  }
}
