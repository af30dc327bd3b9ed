import { z } from 'zod';

/** What the packages take over from the clone's package.json. */
export const CloneManifest = z.object({
  version: z.string(),
  license: z.string(),
  dependencies: z.record(z.string(), z.string()),
});
export type CloneManifest = z.infer<typeof CloneManifest>;

/** A generated package.json. */
export type Manifest = Readonly<Record<string, unknown>>;

/**
 * The oldest Node that loads an ES module with `require`, which Temporal's SDK does with the payload
 * converter. The clone serves older machines, because it brings a Node of its own.
 */
const SERVER_NODE = '>=22.12';
/** The oldest Node that the openai package supports. */
const CLIENT_NODE = '>=22';

const KEYWORDS = ['openai', 'llm', 'durable', 'temporal', 'idempotency', 'retry'];

/** Generates the manifest of `reqrun`: the API, the worker, the command line and the typed client. */
export function serverManifest({ version, license, dependencies }: CloneManifest): Manifest {
  return {
    name: 'reqrun',
    version,
    description: 'One LLM request, made durable: an OpenAI-compatible facade over Temporal.',
    keywords: KEYWORDS,
    license,
    type: 'module',
    engines: { node: SERVER_NODE },
    bin: { reqrun: 'src/cli/main.js' },
    exports: {
      './client': { types: './src/client/index.d.ts', default: './src/client/index.js' },
      './package.json': './package.json',
    },
    dependencies,
  };
}

/** Generates the manifest of `@reqrun/client`: the typed client alone, without Temporal. */
export function clientManifest({ version, license, dependencies }: CloneManifest): Manifest {
  const openai = dependencies['openai'];
  if (openai === undefined) throw new Error('package.json names no version of openai');
  return {
    name: '@reqrun/client',
    version,
    description: 'The official OpenAI client with durable calls, for a ReqRun service.',
    keywords: KEYWORDS,
    license,
    type: 'module',
    sideEffects: false,
    engines: { node: CLIENT_NODE },
    exports: {
      '.': { types: './client/index.d.ts', default: './client/index.js' },
      './package.json': './package.json',
    },
    publishConfig: { access: 'public' },
    // The application's own copy, because `instanceof` fails across two copies.
    peerDependencies: { openai: `^${openai}` },
  };
}
