import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The project's folder, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Every page of the documentation, relative to the project's folder. */
export const PAGES: readonly string[] = ['', 'docs/', 'examples/'].flatMap((folder) =>
  readdirSync(ROOT + folder)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => folder + name),
);
