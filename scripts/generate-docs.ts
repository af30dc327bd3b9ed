/** Process entry of `npm run docs`: writes the generated tables into the pages of the documentation. */
import { readFileSync, writeFileSync } from 'node:fs';
import { withTables } from './doc-tables.ts';
import { PAGES, ROOT } from './pages.ts';

for (const page of PAGES) {
  const before = readFileSync(ROOT + page, 'utf8');
  const after = withTables(before);
  if (after === before) continue;
  writeFileSync(ROOT + page, after);
  process.stdout.write(`${page}: tables written\n`);
}
