import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

/**
 * Restate's server as its package brings it for this platform, or why there is none that runs. `npm run bench`
 * installs it beside the benchmark: nobody else needs its 200 MB.
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
