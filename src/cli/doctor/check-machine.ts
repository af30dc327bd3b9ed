import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Config } from '../../config.ts';
import { DataDirBusyError, lockDataDir, NoSqliteError } from '../../dev-server/data-dir.ts';
import { isPortTaken } from '../../dev-server/ports.ts';
import { isNodeRecentEnough, OLDEST_NODE_EMBEDDED } from '../node-version.ts';
import { type Check, fault, ok, warning } from './check.ts';

/** Checks the Node that runs the command. */
export function checkNode(isEmbedded: boolean, version: string = process.versions.node): Check {
  if (!isEmbedded || isNodeRecentEnough(version, OLDEST_NODE_EMBEDDED)) return ok('Node', version);
  return fault(
    'Node',
    `${version} has SQLite behind a flag only`,
    `Use Node ${OLDEST_NODE_EMBEDDED} or newer, or set NODE_OPTIONS=--experimental-sqlite.`,
  );
}

/** The data directory's check, and whether another process of ReqRun uses it. */
export interface DataDirCheck {
  readonly check: Check;
  readonly isInUse: boolean;
}

/** Checks that the data directory can be written to, and creates nothing. */
export async function checkDataDir(dataDir: string): Promise<DataDirCheck> {
  const name = 'data directory';
  const path = resolve(dataDir);
  const todo = 'Set REQRUN_DATA_DIR to a directory that this user may write to.';
  if (!(await exists(path))) {
    const parent = await nearestDirectory(dirname(path));
    const check = (await isWritable(parent))
      ? ok(name, `${path} (will be created)`)
      : fault(name, `${path} cannot be created, because ${parent} is not writable`, todo);
    return { check, isInUse: false };
  }
  try {
    (await lockDataDir(path, 0)).release();
    return { check: ok(name, path), isInUse: false };
  } catch (error) {
    if (error instanceof DataDirBusyError) {
      const found = `${path} is in use: ReqRun runs there already`;
      return {
        check: warning(name, found, 'A second one needs its own REQRUN_DATA_DIR and ports.'),
        isInUse: true,
      };
    }
    // The check of Node reports it.
    if (error instanceof NoSqliteError) return { check: ok(name, path), isInUse: false };
    return { check: fault(name, `${path} is not writable`, todo), isInUse: false };
  }
}

/** Checks the ports that a start listens on. */
export async function checkPorts(config: Config, isInUse: boolean): Promise<readonly Check[]> {
  const { external } = config.temporal;
  const ports = [
    { name: 'API port', port: config.port, variable: 'PORT' },
    ...(external === null
      ? [
          { name: 'Temporal port', port: config.embedded.port, variable: 'REQRUN_TEMPORAL_PORT' },
          { name: 'UI port', port: config.embedded.uiPort, variable: 'REQRUN_TEMPORAL_UI_PORT' },
        ]
      : []),
  ];
  return Promise.all(
    ports.map(async ({ name, port, variable }) => {
      if (port === 0 || !(await isPortTaken(port))) return ok(name, `${port} is free`);
      const found = `${port} is in use`;
      if (isInUse)
        return warning(
          name,
          `${found}, perhaps by the ReqRun that runs already`,
          `Set ${variable} to run a second one.`,
        );
      return fault(
        name,
        `${found} by another program`,
        `Stop that program, or set ${variable} to a free port.`,
      );
    }),
  );
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function nearestDirectory(path: string): Promise<string> {
  return (await exists(path)) || dirname(path) === path ? path : nearestDirectory(dirname(path));
}

function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}
