import { z } from 'zod';
import { configDefaults } from '../src/config.ts';
import { CONFIG_VARIABLE_TEXTS, VARIABLE_GROUPS, type VariableGroup } from '../src/config-variables.ts';
import { DEMO_MODELS } from '../src/demo/models.ts';
import { FAILURES, REFUSALS } from '../src/domain/error-catalogue.ts';
import { OPERATIONS } from '../src/domain/operations.ts';
import { NewRequestOptions } from '../src/domain/options.ts';
import { METRICS } from '../src/metrics/catalogue.ts';

/**
 * Generates the tables of the documentation from code. In a page, a table stands between `<!-- generated:
 * name -->` and `<!-- /generated -->`; `npm run docs` writes it, and a test compares it.
 */

type Table = () => string;

/**
 * Builds a Markdown table with one line for each row and no padding, so that a changed row is one changed
 * line.
 */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const code = (text: string): string => `\`${text}\``;

interface CodeMeaning {
  readonly status: number;
  readonly meaning: string;
}

function errorTable(
  entries: Readonly<Record<string, CodeMeaning>>,
  isListed: (entry: CodeMeaning) => boolean,
): string {
  const rows = Object.entries(entries)
    .filter(([, entry]) => isListed(entry))
    .map(([name, { status, meaning }]) => [code(name), String(status), meaning]);
  return table(['code', 'status', 'meaning'], rows);
}

/**
 * Whether the same call may succeed later: the refusal is from a limit (429) or a fault of the service (5xx).
 */
const isPassing = ({ status }: CodeMeaning): boolean => status === 429 || status >= 500;

function configurationTable(group: VariableGroup): string {
  const defaults = configDefaults();
  const rows = Object.entries(CONFIG_VARIABLE_TEXTS)
    .filter(([, text]) => text.group === group)
    .map(([name, { set, meaning, unset }]) => [
      code(name),
      unset ?? code(String(defaults[name])),
      set,
      meaning,
    ]);
  return table(['variable', 'default', 'set it?', 'meaning'], rows);
}

/** The parts of a JSON Schema from which the table's column "values" follows. */
const Values = z.looseObject({
  enum: z.array(z.string()).optional(),
  format: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  get anyOf() {
    return z.array(Values).optional();
  },
});
type Values = z.infer<typeof Values>;
const Option = Values.extend({ default: z.unknown(), description: z.string() });

function valuesOf({ enum: texts, format, minimum, maximum, anyOf }: Values): string[] {
  if (anyOf !== undefined) return anyOf.flatMap(valuesOf);
  if (texts !== undefined) return texts.map((text) => code(`"${text}"`));
  if (maximum !== undefined) return [`${minimum} to ${maximum}`];
  return format === undefined ? [] : [format];
}

function optionsTable(): string {
  const rows = Object.entries(NewRequestOptions.shape).map(([name, schema]) => {
    const option = Option.parse(z.toJSONSchema(schema, { io: 'input' }));
    const values = valuesOf(option).join(', ');
    return [code(name), values, code(JSON.stringify(option.default)), option.description];
  });
  return table(['option', 'values', 'default', 'meaning'], rows);
}

function operationsTable(): string {
  const rows = Object.entries(OPERATIONS).map(([name, { path, upstreamPath, asyncObject }]) => [
    code(name),
    code(`POST ${path}`),
    code(`POST ${upstreamPath}`),
    code(asyncObject),
  ]);
  return table(['operation', 'here', 'at the upstream', '`object` of the 202'], rows);
}

function metricsTable(): string {
  const rows = Object.entries(METRICS).map(([name, { type, labels, help }]) => [
    code(name),
    type,
    labels.join(', '),
    help,
  ]);
  return table(['metric', 'type', 'labels', 'meaning'], rows);
}

function demoModelsTable(): string {
  return table(
    ['model', 'what the demo upstream does'],
    DEMO_MODELS.map(({ model, what }) => [code(model), what]),
  );
}

/** All generated tables, by the name in the marker. */
export const TABLES: Readonly<Record<string, Table>> = {
  'errors: fix your request': () => errorTable(REFUSALS, (entry) => !isPassing(entry)),
  'errors: try again': () => errorTable(REFUSALS, isPassing),
  'errors: recorded failures': () => errorTable(FAILURES, () => true),
  ...Object.fromEntries(
    VARIABLE_GROUPS.map((group): [string, Table] => [
      `configuration: ${group}`,
      () => configurationTable(group),
    ]),
  ),
  metrics: metricsTable,
  operations: operationsTable,
  options: optionsTable,
  'demo models': demoModelsTable,
};

const MARKED = /(<!-- generated: (.+?) -->\n).*?(<!-- \/generated -->)/gs;

/** Returns the names of the generated tables in a page. */
export function tablesIn(page: string): readonly string[] {
  return [...page.matchAll(MARKED)].map(([, , name]) => name ?? '');
}

/**
 * Returns the page with its generated tables rewritten from the code.
 *
 * @throws Error if a marker names an unknown table
 */
export function withTables(page: string): string {
  return page.replace(MARKED, (_all, begin: string, name: string, end: string) => {
    const make = TABLES[name];
    if (make === undefined) throw new Error(`there is no generated table "${name}"`);
    return `${begin}\n<!-- prettier-ignore -->\n${make()}\n\n${end}`;
  });
}
