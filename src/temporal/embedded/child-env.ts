/** Environment variables, as they are read or handed to a child. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * The one list of what a process that we start may inherit, in capitals: a secret has whatever name an
 * operator gives it, so that only what is known to be none is handed on. npm's settings are not among it: the SDK's
 * download does not read them.
 */
const INHERITED: ReadonlySet<string> = new Set([
  // To be found, to find a home and a place for files, to tell the time and to start at all.
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR', 'TMP', 'TEMP', 'TZ', 'LANG', 'LANGUAGE'],
  ...['LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', '__CF_USER_TEXT_ENCODING'],
  ...['SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'COMSPEC', 'PATHEXT', 'USERPROFILE', 'HOMEDRIVE', 'HOMEPATH'],
  ...['APPDATA', 'LOCALAPPDATA', 'PROGRAMDATA', 'PROGRAMFILES', 'USERNAME'],
  ...['NUMBER_OF_PROCESSORS', 'PROCESSOR_ARCHITECTURE'],
  // To reach the network from here, and to know whom to trust there.
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS'],
  // Go's own, by name: GO* would be Google's keys as well. Not GOOS, GOARCH and GOWORK: it is built for here.
  ...['GOROOT', 'GOPATH', 'GOBIN', 'GOCACHE', 'GOMODCACHE', 'GOTMPDIR', 'GOENV', 'GOFLAGS', 'GOTOOLCHAIN'],
  ...['GOPROXY', 'GOSUMDB', 'GONOSUMDB', 'GOPRIVATE', 'GONOPROXY', 'GOINSECURE', 'GOVCS', 'GOAUTH'],
  ...['GODEBUG', 'GOGC', 'GOMAXPROCS', 'GOMEMLIMIT', 'GOTRACEBACK', 'CGO_ENABLED'],
]);
const INHERITED_PREFIX = /^(?:XDG|LC)_/;

/** What of an environment a process that we start is given; whatever starts one asks here. */
export function childEnv(env: Env): Record<string, string | undefined> {
  // Windows does not tell capitals apart, and proxies are named in both cases.
  const isInherited = (name: string): boolean => INHERITED.has(name) || INHERITED_PREFIX.test(name);
  return Object.fromEntries(Object.entries(env).filter(([name]) => isInherited(name.toUpperCase())));
}
