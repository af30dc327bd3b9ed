import { BlockList, isIP, isIPv4 } from 'node:net';

/** An HTTP proxy that an environment variable names. */
export interface HttpProxy {
  /** Scheme, host and port; for people and logs, so never with credentials. */
  readonly origin: string;
  /** Null = the proxy's address holds none. */
  readonly credentials: { readonly username: string; readonly password: string } | null;
  /** The variable that names it. */
  readonly namedBy: string;
}

/** For a person: the proxy and what named it. */
export function describeProxy({ origin, namedBy }: HttpProxy): string {
  return `${origin} (${namedBy})`;
}

/** Environment variables, as they are read. */
type Env = Readonly<Record<string, string | undefined>>;

/**
 * The proxy on the way to a gRPC server, by the rule of grpc-js (its `http_proxy.ts`), which reads the environment
 * itself: `grpc_proxy`, else `https_proxy`, else `http_proxy`, all in lower case, unless `no_grpc_proxy`, else
 * `no_proxy`, has the end of the host's name. Temporal's native client reads no variable and must be given the same
 * proxy. Null on loopback, where no proxy leads.
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

/** Whether an IPv4 address lies in a range such as 10.0.0.0/8. */
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
