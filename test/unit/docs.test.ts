/** The pages against the code, in both directions: nothing missing, nothing extra, no link that leads nowhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TABLES, tablesIn, withTables } from '../../scripts/doc-tables.ts';
import { ROOT } from '../../scripts/pages.ts';
import { CONFIG_VARIABLE_TEXTS } from '../../src/config-variables.ts';
import { CONFIG_VARIABLES, configDefaults } from '../../src/config.ts';
import { DEMO_MODELS, demoAction } from '../../src/demo/models.ts';
import { ERROR_CATALOGUE } from '../../src/domain/error-catalogue.ts';
import { Attempt, RequestRecord } from '../../src/domain/record.ts';
import { METRICS } from '../../src/metrics/catalogue.ts';
import { FIELD_ROWS } from '../support/bad-input/fields.ts';
import { JSON_ROWS } from '../support/bad-input/json.ts';
import { KEY_ROWS } from '../support/bad-input/keys.ts';
import { ODD_ROWS } from '../support/bad-input/odd-input.ts';
import { TRANSPORT_ROWS } from '../support/bad-input/transport.ts';
import { page, readPages, tableRows } from '../support/markdown.ts';
import { UPSTREAM_ROWS } from '../support/upstream-rows.ts';

const pages = readPages();
const all = pages.map(({ text }) => text).join('\n');

const namesIn = (pattern: RegExp): string[] => [...new Set(all.match(pattern) ?? [])];

describe('a generated table', () => {
  it.each(pages)('of $path is what the code says; `npm run docs` writes it', ({ text }) => {
    expect(withTables(text)).toBe(text);
  });

  it('stands on one page, and none is missing', () => {
    expect(pages.flatMap(({ text }) => tablesIn(text)).toSorted()).toEqual(Object.keys(TABLES).toSorted());
  });

  it('has every error code in one of its three parts', () => {
    const listed = tableRows(page('docs/errors.md'), /^`[a-z_]+`$/)
      .filter(([, status = '']) => /^\d{3}$/.test(status))
      .map(([code]) => code);
    const codes = Object.keys(ERROR_CATALOGUE).map((code) => `\`${code}\``);
    expect(listed.toSorted()).toEqual(codes.toSorted());
  });
});

describe('the description of a variable', () => {
  it('is there for every variable that is read, and for no other', () => {
    expect(Object.keys(CONFIG_VARIABLE_TEXTS).toSorted()).toEqual([...CONFIG_VARIABLES].toSorted());
  });

  it('names a default where the schema has none, and only there, so that no default stands twice', () => {
    const defaults = configDefaults();
    const hasNone = (value: unknown): boolean =>
      value === undefined || value === null || value === '' || Array.isArray(value);
    for (const [name, { unset }] of Object.entries(CONFIG_VARIABLE_TEXTS)) {
      expect(unset !== undefined, name).toBe(hasNone(defaults[name]));
    }
  });
});

describe('a page names only', () => {
  it('variables that are read', () => {
    const own = ['REQRUN_MAX_'];
    const known = new Set([...CONFIG_VARIABLES, ...own]);
    expect(namesIn(/\bREQRUN_[A-Z_]+/g).filter((name) => !known.has(name) && !isHistory(name))).toEqual([]);
  });

  it('metrics that are served', () => {
    const known = new Set<string>([...Object.keys(METRICS), 'reqrun_live_', 'reqrun_test_']);
    expect(namesIn(/\breqrun_[a-z_]+/g).filter((name) => !known.has(name))).toEqual([]);
  });

  it('labels in alerts that their metric has', () => {
    const labels: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
      Object.entries(METRICS).map(([name, metric]) => [name, metric.labels]),
    );
    const used = [...all.matchAll(/\b(reqrun_\w+)\{(\w+)=/g)];
    expect(used.length).toBeGreaterThan(5);
    for (const [, metric = '', label] of used) expect(labels[metric], metric).toContain(label);
  });

  it('alerts that the runbook has an entry for', () => {
    const { text } = page('docs/operations.md');
    const alerts = [...text.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
    const [, runbook = ''] = text.split('\n## Runbook\n');
    const entries = [...runbook.matchAll(/^(?:### |`)(ReqRun\w+)/gm)].map(([, name]) => name);
    expect(entries.toSorted()).toEqual(alerts.toSorted());
  });

  it('demo models that do what they are named for', () => {
    const known = DEMO_MODELS.map(({ model }) => model);
    const misbehaves = (model: string): boolean => known.includes(model) || /^demo-slow-\d+s$/.test(model);
    const named = namesIn(/\bdemo-[a-z0-9-]+/g).filter((model) => model !== 'demo-upstream');
    expect(named.filter((model) => !misbehaves(model))).toEqual([]);
    expect(demoAction('demo-slow-5s', 1)).toMatchObject({ afterMs: 5_000 });
  });
});

/** The changelog tells of names as they were. */
const isHistory = (name: string): boolean =>
  pages.every(({ path, text }) => path === 'CHANGELOG.md' || !text.includes(name));

describe('a link', () => {
  const links = pages.flatMap(({ path, links: targets }) =>
    targets.filter((target) => !/^[a-z]+:/.test(target)).map((target) => ({ path, target })),
  );

  it.each(links)('of $path leads somewhere: $target', ({ path, target }) => {
    const [file = '', anchor] = target.split('#');
    const to = file === '' ? path : join(dirname(path), file);
    expect(existsSync(ROOT + to)).toBe(true);
    if (anchor !== undefined) expect(page(to).anchors).toContain(anchor);
  });

  it('leads to every page from the README, or from a page that it leads to', () => {
    const reached = new Set(['README.md']);
    for (const from of reached) {
      for (const { path, target } of links) {
        const [file = ''] = target.split('#');
        if (path === from && file.endsWith('.md')) reached.add(join(dirname(path), file));
      }
    }
    expect([...reached].toSorted()).toEqual(pages.map(({ path }) => path).toSorted());
  });
});

describe('a page is short enough to be read', () => {
  it.each([
    ['README.md', 150],
    ['SECURITY.md', 40],
  ])('%s has at most %d lines', (path, max) => {
    expect(page(path).text.trimEnd().split('\n').length).toBeLessThanOrEqual(max);
  });

  it.each(pages)('$path has no paragraph over 400 characters', ({ paragraphs }) => {
    expect(paragraphs.filter((paragraph) => paragraph.length > 400)).toEqual([]);
  });
});

/** Why a command block is not run by test/e2e/docs.test.ts: by page and the block's first line. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'README.md: npx reqrun start':
    'installs the published package; test/e2e/packages.test.ts runs it with the packed one',
  'README.md: npm ci && npm start': 'installs anew; the test starts the same entry, src/main.ts',
  'CONTRIBUTING.md: npm ci': 'installs anew',
  'CONTRIBUTING.md: npm test': 'is this test run',
  'CONTRIBUTING.md: npm run test:unit': 'is this test run',
  'CONTRIBUTING.md: npm run packages': 'test/e2e/packages.test.ts runs its entry',
  'CONTRIBUTING.md: npm run docs': 'writes pages; the tables are compared above',
  'docs/benchmarks.md: npm run bench': 'takes 15 minutes',
  'docs/concepts.md: // Vercel AI SDK': 'needs a package that is not installed here',
  'docs/concepts.md: // LangChain': 'needs a package that is not installed here',
  'docs/operations.md: OPENAI_API_KEY=sk-... REQRUN_DATA_DIR=/var/lib/reqrun npm start':
    'runs until it is stopped, in a folder of the system',
  'docs/operations.md: export TEMPORAL_ADDRESS=temporal.example:7233':
    'runs until it is stopped; test/e2e/separate-processes.test.ts starts the same entries',
  'docs/operations.md: docker build -t reqrun --build-arg REVISION=$(git rev-parse HEAD) .':
    'needs Docker; test/e2e/image.test.ts runs the commands of the Dockerfile',
  'docs/operations.md: docker compose up --build': 'needs Docker; test/unit/compose.test.ts reads the file',
  'docs/operations.md: temporal operator search-attribute create --name ReqRunModel --type Keyword --name ReqRunProject --type Keyword':
    'needs the Temporal CLI on PATH; test/integration/search-attributes.test.ts registers and finds the same',
  'docs/operations.md: temporal workflow query --workflow-id ticket-842 --type record':
    'needs the Temporal CLI on PATH; test/integration/record-query.test.ts asks the same query',
  'docs/operations.md: cp -a .reqrun reqrun-backup-2026-11-26': 'copies the state of whoever runs the tests',
  'docs/pacing.md: REQRUN_MAX_CALLS_PER_SECOND=2 REQRUN_METRICS_PORT=9464 npm start':
    'runs until it is stopped; the test starts the same entry, src/main.ts',
  'docs/security.md: mkdir -p keys': 'the test has a keys file of its own',
  'docs/security.md: npm run keys -- revoke key_5941c8d01926':
    'needs the id of a real key; test/e2e/keys-command.test.ts revokes one',
  "docs/security.md: import { ReqRun, signedFetch } from 'reqrun/client';":
    'a fragment; test/integration/signed-requests.test.ts uses both clients',
  'docs/security.md: export REQRUN_ENCRYPTION_KEYS="2026-11:$(openssl rand -base64 32)"':
    'runs until it is stopped; test/e2e/codec-server.test.ts starts the same',
  'docs/security.md: temporal workflow show --workflow-id hello-1 \\':
    'needs the Temporal CLI on PATH; test/e2e/codec-server.test.ts asks the same server',
};

describe('a command block', () => {
  const commands = pages
    .flatMap(({ blocks }) => blocks)
    .filter(({ language }) => language === 'sh' || language === 'ts');

  it('is run, or stands in the list with a reason', () => {
    const notRun = commands
      .filter(({ run }) => run === null)
      .map(({ page: path, code }) => `${path}: ${code.split('\n')[0]}`);
    expect(notRun.toSorted()).toEqual(Object.keys(NOT_RUN).toSorted());
  });

  it('of the README is run for everything that a newcomer pastes', () => {
    expect(commands.filter(({ page: path, run }) => path === 'README.md' && run !== null)).toHaveLength(4);
  });

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
    const named = [...all.matchAll(/npm run (?:-s )?([a-z:]+)/g)].map(([, name]) => name);
    expect([...new Set(named)].filter((name) => !(`${name}` in scripts))).toEqual([]);
  });

  it('of a language that says so is JSON', () => {
    for (const { language, code } of pages.flatMap(({ blocks }) => blocks)) {
      if (language === 'json') expect(() => JSON.parse(code)).not.toThrow();
    }
  });
});

it('the record of docs/api.md has every field that a record has, and no other', () => {
  const shown = page('docs/api.md').blocks.find(({ code }) => code.includes('"object": "request"'));
  const record = JSON.parse(shown?.code ?? '');
  expect(RequestRecord.parse(record)).toEqual(record);
  expect(Object.keys(record).toSorted()).toEqual(Object.keys(RequestRecord.shape).toSorted());
  const alwaysShown = Object.entries(Attempt.shape)
    .filter(([, field]) => !field.safeParse(undefined).success)
    .map(([name]) => name)
    .toSorted();
  for (const attempt of record.attempt_log) {
    expect(Object.keys(attempt).toSorted()).toEqual(alwaysShown);
  }
});

/** Every TypeScript file of a folder, relative to the project's folder. */
const filesOf = (folder: string): readonly string[] =>
  readdirSync(ROOT + folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('docs.test.ts'))
    .map((name) => `${folder}/${name}`);

describe('a row of upstream outcomes', () => {
  const rows = new Map(
    tableRows(page('docs/upstream-outcomes.md'), /^\d+[a-z]?$/).map(([row = '', ...cells]) => [row, cells]),
  );
  /** A letter behind a number is a case of the row, unless the table has a row of that name. */
  const rowNamed = (name: string): string => {
    const exact = name.replace(/ \(\d+\)$/, '');
    return rows.has(exact) ? exact : exact.replace(/[a-z]$/, '');
  };

  /** Where "row 37" means a row of upstream outcomes; elsewhere it is one of docs/test-cases.md. */
  const namingFiles = [
    ...filesOf('src'),
    ...filesOf('workflows'),
    ...filesOf('activities'),
    ...[...filesOf('test/unit'), ...filesOf('test/integration/wire')].filter((file) =>
      /\/(?:upstream-|call-upstream|retry-policy)/.test(file),
    ),
    'test/integration/upstream-rows.test.ts',
    'test/e2e/durability.test.ts',
  ];
  const named = new Set([
    ...UPSTREAM_ROWS.map(({ row }) => row),
    ...namingFiles.flatMap((file) =>
      [...readFileSync(ROOT + file, 'utf8').matchAll(/\b[Rr]ow (\d+[a-z]?)\b/g)].map(([, row = '']) => row),
    ),
  ]);

  it.each([...named])('that code or a test names stands on the page: %s', (name) => {
    expect([...rows.keys()]).toContain(rowNamed(name));
  });

  /** Rows that the page has before a test does. A new row of the page needs a test, not a place in this list. */

  it('is named by a test', () => {
    const tested = new Set([...named].map(rowNamed));
    const untested = [...rows.keys()].filter((row) => !tested.has(row));
    expect(untested).toEqual([]);
  });

  /** Rows that the page describes before the classifier follows them. A row that it follows must leave the list. */

  it('means in its test what the page says: code, outcome, and whether it is tried again', () => {
    const again = (cell: string): string =>
      ({ yes: 'always', option: 'always', twice: 'twice', 'a few': 'few' })[
        /^(?:yes|option|twice|a few)/.exec(cell)?.[0] ?? ''
      ] ?? 'never';
    const says = (cell: string, value: string): boolean =>
      !cell.startsWith('`') || cell.includes(`\`${value}\``);
    const differing = UPSTREAM_ROWS.filter(({ row, code, outcome, retry }) => {
      const [, tried = '', known = '', , codes = ''] = rows.get(row) ?? [];
      if (!rows.has(row)) return false;
      if (code === null) return known !== '`completed`';
      return !(
        says(codes, code) &&
        says(known, outcome) &&
        (again(tried) === retry || tried === 'by its code')
      );
    });
    expect(differing).toEqual([]);
  });
});

describe('a path in a page', () => {
  const reasons = Object.values(NOT_RUN).join('\n');
  const FOLDER = 'src|workflows|activities|test|scripts|bench|docs';
  const named = [
    ...`${all}\n${reasons}`.matchAll(new RegExp(`(?<![\\w./-])(?:${FOLDER})/[\\w./-]*\\w`, 'g')),
  ];

  it.each([...new Set(named.map(([path]) => path))])('exists: %s', (path) => {
    expect(existsSync(ROOT + path) || existsSync(`${ROOT}${path}.ts`)).toBe(true);
  });
});

describe('a number in a test', () => {
  it('of the form G10 or I12 stands on the page of test cases', () => {
    const named = filesOf('test').flatMap(
      (file) => readFileSync(ROOT + file, 'utf8').match(/\b[GI]\d{1,2}\b/g) ?? [],
    );
    const listed = tableRows(page('docs/test-cases.md'), /^[GI]\d+$/).map(([number]) => number);
    expect([...new Set(named)].toSorted()).toEqual(listed.toSorted());
  });

  it('of bad or odd input stands on the page of test cases', () => {
    const listed = tableRows(page('docs/test-cases.md'), /^\d+$/).map(([number]) => number);
    const named = [...TRANSPORT_ROWS, ...JSON_ROWS, ...FIELD_ROWS, ...KEY_ROWS, ...ODD_ROWS];
    expect(named.map(({ row }) => row).filter((row) => !listed.includes(row))).toEqual([]);
  });
});
