const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Whether a host, without a port, is this machine's own: what is sent there leaves no machine. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** The host of `host:port`, as a Host header and Temporal's addresses have it; an IPv6 address in brackets. */
export function hostOf(authority: string): string {
  return authority.replace(/:\d{1,5}$/, '');
}
