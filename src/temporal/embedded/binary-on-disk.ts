import { access, constants } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import type { Finding } from './binary.ts';
import type { Env } from './child-env.ts';
import { outputOf } from './run-command.ts';
import { isRecentEnough } from './version.ts';

/** The first `temporal` on PATH, if its server is recent enough. */
export async function findOnPath(env: Env): Promise<Finding> {
  for (const dir of (env['PATH'] ?? '').split(delimiter)) {
    if (dir === '') continue;
    const path = resolve(dir, 'temporal');
    if (await isExecutable(path)) return judge(path, env);
  }
  return { missing: 'not found' };
}

/** The binary an earlier start left; one that cannot be run counts as none. */
export async function findCached(path: string, env: Env): Promise<Finding> {
  return (await isExecutable(path)) ? judge(path, env) : { missing: `nothing at ${path}` };
}

async function judge(path: string, env: Env): Promise<Finding> {
  const version = await outputOf(path, ['--version'], env);
  if (version === null) return { missing: `${path} cannot be run` };
  return isRecentEnough(version) ? { path } : { missing: `${path} is too old (its server is below 1.31)` };
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
