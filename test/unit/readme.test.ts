import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONFIG_VARIABLES } from '../../src/config.ts';
import { DEMO_MODELS } from '../../src/demo/models.ts';
import { ERROR_CATALOGUE } from '../../src/domain/error-catalogue.ts';
import { METRICS } from '../../src/metrics/catalogue.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

function tableUnder(heading: string): string[][] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^`|`$/g, '')),
  );
}

describe('the README', () => {
  it('lists every error code with its status and meaning, and none that does not exist', () => {
    const catalogue = Object.entries(ERROR_CATALOGUE).map(([code, { status, meaning }]) => [
      code,
      String(status),
      meaning,
    ]);
    expect(tableUnder('Errors')).toEqual(catalogue);
  });

  it('lists every variable that is read, and no other', () => {
    const listed = tableUnder('Configuration').map(([name]) => name);
    expect(listed.toSorted()).toEqual([...CONFIG_VARIABLES].toSorted());
  });

  it('lists every metric with its type, labels and meaning, and none that does not exist', () => {
    const catalogue = Object.entries(METRICS).map(([name, { type, labels, help }]) => [
      name,
      type,
      labels.join(', '),
      help,
    ]);
    const listed = tableUnder('Metrics').map(([name, type, labels, help]) => [name, type, labels, help]);
    expect(listed).toEqual(catalogue);
  });

  it('names only demo models that exist', () => {
    const named = [...readme.matchAll(/`(demo-[a-z0-9]+)`/g)].map(([, model]) => model);
    const known = DEMO_MODELS.map(({ model }) => model);
    expect(known).toEqual(expect.arrayContaining(named));
  });
});
