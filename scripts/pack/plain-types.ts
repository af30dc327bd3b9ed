import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import ts from 'typescript';
import { ROOT } from '../pages.ts';

/**
 * Writes the domain types of the typed client as plain TypeScript. The declarations that the compiler emits
 * infer them from zod schemas, and the client package must not need zod.
 */

const USED = /(?:import|export) type \{([^}]+)\} from '\.\.\/(domain\/[\w-]+)\.ts'/g;
/** The file that exists only in the compiler's memory: one type of it for each type that is used. */
const PROBE = `${ROOT}src/probe.ts`;
const PRINTED = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.InTypeAlias;

/**
 * Returns the declarations of each domain file that the client's declarations name, by its path below `src`,
 * such as `domain/record`.
 *
 * @param emitted the folder with the client's declarations, as the compiler emitted them
 * @throws Error if a type cannot be written without its schema
 */
export async function plainTypes(emitted: string): Promise<ReadonlyMap<string, string>> {
  const used = usedTypes(emitted);
  const print = typePrinter(used);
  const texts = new Map<string, string>();
  for (const [module, names] of used) {
    const types = names.map((name) => declarationOf(name, print));
    const text = types.join('\n');
    if (/\bz\.|import\(|\bany\b/.test(text)) throw new Error(`the types of ${module} need their schemas`);
    texts.set(module, await format(text, { parser: 'typescript', singleQuote: true, printWidth: 110 }));
  }
  return texts;
}

type UsedTypes = ReadonlyMap<string, readonly string[]>;

function usedTypes(emitted: string): UsedTypes {
  const used = new Map<string, Set<string>>();
  for (const name of readdirSync(emitted).filter((file) => file.endsWith('.d.ts'))) {
    for (const [, names = '', module = ''] of readFileSync(join(emitted, name), 'utf8').matchAll(USED)) {
      const all = used.get(module) ?? new Set();
      for (const one of names.split(',')) all.add(one.trim());
      used.set(module, all);
    }
  }
  return new Map([...used].map(([module, names]) => [module, [...names]]));
}

/** Returns a function that writes a used type as text, with the defaults of its parameters. */
function typePrinter(used: UsedTypes): (name: string) => string {
  const lines = [...used].flatMap(([module, names]) =>
    names.map((name) => `import type { ${name} } from './${module}.ts'; export type Of${name} = ${name};`),
  );
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2024,
    module: ts.ModuleKind.NodeNext,
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    noEmit: true,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => path === PROBE || fileExists(path);
  host.getSourceFile = (path, target, ...rest) =>
    path === PROBE
      ? ts.createSourceFile(path, lines.join('\n'), target)
      : getSourceFile(path, target, ...rest);
  const program = ts.createProgram([PROBE], options, host);
  const checker = program.getTypeChecker();
  const probe = program.getSourceFile(PROBE);
  const module = probe && checker.getSymbolAtLocation(probe);
  const exported = module === undefined ? [] : checker.getExportsOfModule(module);
  return (name) => {
    const symbol = exported.find((one) => one.name === `Of${name}`);
    if (symbol === undefined) throw new Error(`the client uses no type ${name}`);
    return checker.typeToString(checker.getDeclaredTypeOfSymbol(symbol), undefined, PRINTED);
  };
}

/**
 * Writes one declaration. The only type with a parameter is the body of a 202, whose member `object` is the
 * parameter.
 */
function declarationOf(name: string, print: (name: string) => string): string {
  const type = print(name);
  if (name !== 'AsyncRequest') return `export type ${name} = ${type};`;
  const all = print('AsyncObject');
  const body = type.replace(`object: ${all};`, 'object: Object;');
  if (body === type) throw new Error('the member `object` of a 202 is not of the type AsyncObject');
  return `export type ${name}<Object extends ${all} = ${all}> = ${body};`;
}
