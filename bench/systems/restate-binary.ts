import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

/**
 * Finds Restate's server in its package for this platform, or returns the reason why it does not run.
 * `npm run bench` installs it next to the benchmark, because only the benchmark needs its 200 MB.
 */
export function findRestateBinary(): { readonly path: string } | { readonly missing: string } {
  const { resolve } = createRequire(new URL('../peers/package.json', import.meta.url));
  const name = `@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`;
  try {
    const path = resolve(name, { paths: [resolve('@restatedev/restate-server/package.json')] });
    execFileSync(path, ['--version'], { stdio: 'ignore', timeout: 20_000 });
    return { path };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'it fails';
    return { missing: `${name} (${code})` };
  }
}
