import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);
const TIMEOUT_MS = 10_000;

/** Output of a short command, both streams. Null = the command is missing, fails or takes over 10 s. */
export async function outputOf(command: string, args: readonly string[], env: Env): Promise<string | null> {
  try {
    const { stdout, stderr } = await execFileAsync(command, args, {
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      env: childEnv(env),
    });
    return stdout + stderr;
  } catch {
    return null;
  }
}

/** A command that takes minutes. */
export interface LongCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Env;
  /** Kills the command and everything it started. */
  readonly signal: AbortSignal;
}

const KEPT_OUTPUT = 4_000;

/**
 * Runs a command in its own process group. Resolves to null, or to the end of its error output if it fails.
 */
export async function runGroup({ command, args, cwd, env, signal }: LongCommand): Promise<string | null> {
  signal.throwIfAborted();
  const child = spawn(command, args, {
    cwd,
    env: childEnv(env),
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-KEPT_OUTPUT)));
  const kill = (): void => killGroup(child.pid);
  signal.addEventListener('abort', kill);
  try {
    const closed = once(child, 'close');
    closed.catch(() => undefined);
    await once(child, 'exit');
    // Processes that the command started may outlive it, and they would hold its output open.
    kill();
    await closed;
  } finally {
    signal.removeEventListener('abort', kill);
  }
  if (child.exitCode === 0) return null;
  return (
    said.trim().split('\n').slice(-3).join(' ').slice(-300) ||
    `ended with ${child.exitCode ?? child.signalCode}`
  );
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** Environment variables, as read from this process or passed to a child. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * The only list of variables that a child process may inherit, in capitals. It is an allow list, because a
 * secret can have any name and only harmless variables may be passed on. npm's settings are not in it,
 * because the SDK's download does not read them.
 */
const INHERITED: ReadonlySet<string> = new Set([
  // To find programs, the home directory and places for files, to know the time zone and language, and to
  // start at all.
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR', 'TMP', 'TEMP', 'TZ', 'LANG', 'LANGUAGE'],
  ...['LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', '__CF_USER_TEXT_ENCODING'],
  ...['SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'COMSPEC', 'PATHEXT', 'USERPROFILE', 'HOMEDRIVE', 'HOMEPATH'],
  ...['APPDATA', 'LOCALAPPDATA', 'PROGRAMDATA', 'PROGRAMFILES', 'USERNAME'],
  ...['NUMBER_OF_PROCESSORS', 'PROCESSOR_ARCHITECTURE'],
  // To reach the network and know which certificates to trust.
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS'],
  // Go's own variables, each by name, because GO* would include Google's keys. GOOS, GOARCH and GOWORK are
  // left out, because the build is for this machine.
  ...['GOROOT', 'GOPATH', 'GOBIN', 'GOCACHE', 'GOMODCACHE', 'GOTMPDIR', 'GOENV', 'GOFLAGS', 'GOTOOLCHAIN'],
  ...['GOPROXY', 'GOSUMDB', 'GONOSUMDB', 'GOPRIVATE', 'GONOPROXY', 'GOINSECURE', 'GOVCS', 'GOAUTH'],
  ...['GODEBUG', 'GOGC', 'GOMAXPROCS', 'GOMEMLIMIT', 'GOTRACEBACK', 'CGO_ENABLED'],
]);
const INHERITED_PREFIX = /^(?:XDG|LC)_/;

/** Filters the environment for a child process. Every place that starts a process uses this. */
export function childEnv(env: Env): Record<string, string | undefined> {
  // Compare in capitals: Windows ignores case in names, and proxy variables exist in both cases.
  const isInherited = (name: string): boolean => INHERITED.has(name) || INHERITED_PREFIX.test(name);
  return Object.fromEntries(Object.entries(env).filter(([name]) => isInherited(name.toUpperCase())));
}
