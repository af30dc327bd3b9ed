/** Process entry of `npm run packages`: builds the tarballs of `reqrun` and `@reqrun/client` in dist/packages. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { ROOT } from '../pages.ts';
import { stagePackages } from './stage.ts';

const run = promisify(execFile);
/** Folder of the packages, relative to the project's folder; another one may be given on the command line. */
const [, , PACKAGES = 'dist/packages'] = process.argv;
const out = resolve(ROOT, PACKAGES);
/** The part of `npm pack --json` that is printed. */
const Packed = z.array(z.object({ filename: z.string(), size: z.number(), unpackedSize: z.number() }));

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;

const { server, client } = await stagePackages(out);
for (const folder of [server, client]) {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', out], {
    cwd: folder,
  });
  for (const { filename, size, unpackedSize } of Packed.parse(JSON.parse(stdout))) {
    process.stdout.write(
      `${PACKAGES}/${filename}  ${megabytes(size)}, unpacked ${megabytes(unpackedSize)}\n`,
    );
  }
}
