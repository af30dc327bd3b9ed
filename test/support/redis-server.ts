import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

const run = promisify(execFile);

/** A real Redis, for the stream channel: only its ACL user `reqrun` may do anything. */
export interface RedisServer {
  /** With user and password. */
  readonly url: string;
  /** The id of the process that runs now. */
  pid(): number;
  /** Runs a command as an operator. */
  command(...args: readonly string[]): Promise<string>;
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** What docs/streams.md asks an operator to allow. */
const ACL =
  'user reqrun on >secret ~reqrun:stream:* &reqrun:stream:* +xadd +xrange +del +expire +multi +exec +publish +subscribe +unsubscribe +hello +client|setname +ping';

const INSTALL =
  'command -v redis-server || { apt-get update; apt-get install -y --no-install-recommends redis-server; }';

/** Starts Debian's redis-server on a free port of loopback. Installs it where it is missing, which takes root. */
export async function startRedisServer(): Promise<RedisServer> {
  const binary = await findBinary();
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'reqrun-redis-'));
  const config = join(directory, 'redis.conf');
  const settings = [`port ${port}`, 'bind 127.0.0.1', 'save ""', `dir ${directory}`];
  await writeFile(
    config,
    [...settings, 'user default off', 'user op on >op ~* &* +@all', ACL, ''].join('\n'),
  );
  let child: ChildProcess;
  const command = async (...args: readonly string[]): Promise<string> =>
    (
      await run('redis-cli', [
        '-p',
        String(port),
        '--no-auth-warning',
        '--user',
        'op',
        '--pass',
        'op',
        ...args,
      ])
    ).stdout;
  async function start(): Promise<void> {
    child = spawn(binary, [config], { stdio: 'ignore' });
    await until(
      () => command('PING').catch(() => ''),
      (answer) => answer.includes('PONG'),
    );
  }
  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  await start();
  return {
    url: `redis://reqrun:secret@127.0.0.1:${port}`,
    pid: () => child.pid ?? 0,
    command,
    kill,
    start,
    close: async () => {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Whether redis-server is on PATH. */
export async function isRedisInstalled(): Promise<boolean> {
  return run('which', ['redis-server']).then(
    () => true,
    () => false,
  );
}

async function findBinary(): Promise<string> {
  const found = await run('which', ['redis-server']).catch(() => null);
  if (found !== null) return found.stdout.trim();
  process.stdout.write('redis-server is missing; apt-get installs it\n');
  // Of several test files at once, one installs it and the others wait, because apt-get lets in one at a time.
  await run('flock', [join(tmpdir(), 'reqrun-redis.lock'), 'sh', '-c', INSTALL], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return (await run('which', ['redis-server'])).stdout.trim();
}
