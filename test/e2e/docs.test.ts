/** Every command block that is marked `run` in a page is run as a newcomer would, against what `npm start` runs. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../../scripts/pages.ts';
import { createEmbeddedService, type EmbeddedService } from '../support/embedded-service.ts';
import { freePort } from '../support/free-port.ts';
import { makeKeysFile } from '../support/keys-file.ts';
import { type CodeBlock, readPages } from '../support/markdown.ts';
import { until } from '../support/until.ts';

const pages = readPages();
const blocks = pages
  .flatMap((page) => page.blocks)
  .flatMap(({ run, ...block }) => (run === null ? [] : [{ ...block, ...run }]));
const metricsPort = String(await freePort());
const keys = await makeKeysFile();
let folder: string;
let open: EmbeddedService;
let keyed: EmbeddedService;

beforeAll(async () => {
  await mkdir(`${ROOT}.reqrun`, { recursive: true });
  // Within the project, where the examples' imports are found.
  folder = await mkdtemp(`${ROOT}.reqrun/docs-`);
  open = await createEmbeddedService({ REQRUN_METRICS_PORT: metricsPort });
  keyed = await createEmbeddedService({ REQRUN_KEYS_FILE: keys.path });
  await open.start();
  await keyed.start();
});
afterAll(async () => {
  await open.remove();
  await keyed.remove();
  await keys.remove();
  await rm(folder, { recursive: true, force: true });
});

/** The addresses that the pages name, as they are in this test. */
function here(code: string, { url }: EmbeddedService): string {
  const client = pathToFileURL(`${ROOT}src/client/index.ts`).href;
  return code
    .replaceAll('http://127.0.0.1:8080', url)
    .replaceAll('127.0.0.1:9464', `127.0.0.1:${metricsPort}`)
    .replaceAll("'reqrun/client'", `'${client}'`);
}

const execute = promisify(execFile);

/** What a block prints. Shell blocks of one page share their variables, as in one terminal. */
async function outputOf({ page, language, code }: CodeBlock, service: EmbeddedService): Promise<string> {
  const options = {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      REQRUN_KEYS_FILE: keys.path,
    },
  };
  if (language === 'ts') {
    const path = join(folder, 'example.ts');
    await writeFile(path, here(code, service));
    const { stdout } = await execute(process.execPath, [path], options);
    return stdout;
  }
  const variables = join(folder, `${page.replaceAll('/', '-')}.env`);
  const script = [
    'set -euo pipefail',
    `if [ -e '${variables}' ]; then . '${variables}'; fi`,
    `reqrun() { REQRUN_URL='${service.url}' '${process.execPath}' '${ROOT}src/cli/main.ts' "$@"; }`,
    here(code, service),
    `declare -p $(compgen -v | grep '^REQRUN_' || true) > '${variables}'`,
  ].join('\n');
  const { stdout } = await execute('bash', ['-c', script], options);
  return stdout;
}

// In order: a page's later blocks act on what its earlier ones made.
it.each(blocks)('$page: prints "$expected"', async (block) => {
  const service = block.withKeys ? keyed : open;
  const print = (): Promise<string> => outputOf({ ...block, run: null }, service);
  if (!block.withKeys || block.expected === '') {
    expect(await print()).toContain(block.expected);
    return;
  }
  // The service takes up a new key within seconds.
  await until(print, (printed) => printed.includes(block.expected), 10_000);
});

it('docs/api.md names every route of the OpenAPI document, and no other', async () => {
  const Document = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });
  const { paths } = Document.parse(await (await fetch(`${open.url}/openapi.json`)).json());
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const api = pages.find(({ path }) => path === 'docs/api.md')?.text ?? '';
  const named = [...api.matchAll(/`((?:GET|POST|DELETE) \/(?:v1\/[a-z_/{}]+|healthz|readyz))`/g)].map(
    ([, route]) => route,
  );
  expect([...new Set(named)].toSorted()).toEqual(routes.toSorted());
});
