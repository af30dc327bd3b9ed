import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

/**
 * A real S3 server: the Versity S3 Gateway over a directory. It checks signatures and knows multipart uploads. It is
 * built from its Go module once on a machine, which takes two to four minutes.
 */
export interface S3Server {
  /** host:port */
  readonly address: string;
  readonly bucket: string;
  /** The directory of the bucket. */
  readonly directory: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it and removes what it has stored. */
  remove(): Promise<void>;
}

const VERSION = 'v1.8.0';
const MODULE = `github.com/versity/versitygw/cmd/versitygw@${VERSION}`;
const PATH = join(homedir(), '.cache', 'reqrun', `versitygw-${VERSION}`, 'versitygw');
const BUCKET = 'reqrun-test';
/** Of the server's only user. */
export const S3_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'test-access',
  AWS_SECRET_ACCESS_KEY: 'test-secret-of-s3',
};

/** How long a test file may take to have the server built. */
export const S3_BUILD_MS = 600_000;

/** The variables by which the AWS SDK finds the server. */
export function s3Environment(address: string): Record<string, string> {
  return { ...S3_CREDENTIALS, AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_S3: `http://${address}` };
}

export async function createS3Server(): Promise<S3Server> {
  await build();
  const root = await mkdtemp(join(tmpdir(), 'reqrun-s3-'));
  const [data, sidecar] = [join(root, 'data'), join(root, 'sidecar')];
  const directory = join(data, BUCKET);
  for (const path of [directory, sidecar]) await mkdir(path, { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  let child: ReturnType<typeof spawn> | null = null;
  const stop = async (): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    address,
    bucket: BUCKET,
    directory,
    start: async () => {
      child = spawn(
        PATH,
        ['--quiet', '--keep-alive', '--port', address, 'posix', '--sidecar', sidecar, data],
        {
          env: {
            ROOT_ACCESS_KEY: S3_CREDENTIALS.AWS_ACCESS_KEY_ID,
            ROOT_SECRET_KEY: S3_CREDENTIALS.AWS_SECRET_ACCESS_KEY,
          },
          stdio: 'ignore',
        },
      );
      // It answers 403 to an unsigned request.
      await until(
        () =>
          fetch(`http://${address}/`).then(
            ({ status }) => status,
            () => null,
          ),
        (status) => status !== null,
      );
    },
    stop,
    remove: async () => {
      await stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Builds the server unless it was built before. Of several test files at once, one builds and the others wait. */
async function build(): Promise<void> {
  const folder = dirname(PATH);
  await mkdir(dirname(folder), { recursive: true });
  const lock = `${folder}.lock`;
  for (;;) {
    if (await exists(PATH)) return;
    const isOurs = await mkdir(lock).then(
      () => true,
      () => false,
    );
    if (isOurs) return buildNow(folder).finally(() => rm(lock, { recursive: true, force: true }));
    const age = await stat(lock).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    // Its builder was killed.
    if (age > S3_BUILD_MS) await rm(lock, { recursive: true, force: true });
    await sleep(500);
  }
}

async function buildNow(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, 'build-'));
  const env = { ...process.env, GOBIN: work, CGO_ENABLED: '0' };
  try {
    await promisify(execFile)('go', ['install', '-trimpath', '-ldflags', '-s -w', MODULE], {
      env,
      cwd: work,
    });
    await rename(join(work, 'versitygw'), PATH);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
