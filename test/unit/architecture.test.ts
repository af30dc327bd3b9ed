import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadWorkflowBundle } from '../../src/temporal/worker/workflow-bundle.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDERS = ['src', 'workflows', 'activities'];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
);
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** Prettier keeps `import type` and `} from '...'` in one form, so that a text search is exact here. */
const imports: Import[] = files.flatMap((from) =>
  [...read(from).matchAll(/^(?:import|export)( type)? ?[^;'"]*?from '([^']+)';|^import '([^']+)';/gms)].map(
    (found) => {
      const specifier = found[2] ?? found[3] ?? '';
      const to = specifier.startsWith('.')
        ? relative(ROOT, resolve(ROOT, dirname(from), specifier))
        : specifier;
      return { from, to, typeOnly: found[1] !== undefined };
    },
  ),
);
const importedBy = Map.groupBy(imports, ({ from }) => from);
/** The files that a file imports, and those that these import, and so on. */
function reachableFrom(file: string): Set<string> {
  const reached = new Set<string>();
  const left = [file];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    for (const { to } of importedBy.get(next) ?? []) {
      if (!reached.has(to)) left.push(to);
      reached.add(to);
    }
  }
  return reached;
}
const ours = (to: string): boolean => FOLDERS.some((folder) => to.startsWith(`${folder}/`));

/** Which of our folders a folder may import at run time, beside itself. */
const RIGHTS: Readonly<Record<string, readonly string[]>> = {
  'src/domain': [],
  'src/http': ['src/domain', 'src/threads'],
  'src/threads': [],
  'src/upstream': ['src/domain', 'src/threads'],
  'src/keys': ['src/domain'],
  // It streams its answers with what replays a stored answer as events.
  'src/demo': ['src/domain/operations.ts', 'src/domain/streams'],
  'src/client': [
    'src/domain/signed-text.ts',
    'src/domain/operations.ts',
    // How a stream names its attempts, on which service and client must agree.
    'src/domain/streams/stream-event.ts',
  ],
  'src/metrics': ['src/domain'],
  'src/temporal': ['src/domain', 'src/encryption', 'src/blobs', 'activities'],
  'src/encryption': ['src/domain'],
  'src/blobs': ['src/domain', 'src/encryption'],
  'src/dev-server': [
    'src/domain/proxy.ts',
    'src/upstream/tunnel.ts',
    'src/temporal/search-attributes.ts',
    'src/temporal/sdk-internals.ts',
  ],
  'src/cli': [
    'src/config.ts',
    'src/config-client.ts',
    'src/domain',
    'src/client',
    'src/keys',
    'src/dev-server',
    'src/process',
    'src/temporal/connection.ts',
  ],
  workflows: ['src/domain'],
  'src/lanes': ['src/domain'],
  'src/streams': ['src/domain'],
  activities: ['src/domain', 'src/lanes', 'src/upstream', 'src/blobs'],
  'src/process': [
    'src/config.ts',
    'src/blobs',
    'src/domain',
    'src/http',
    'src/keys',
    'src/lanes',
    'src/metrics',
    'src/streams',
    'src/temporal',
    'src/dev-server',
    'src/encryption',
    'src/upstream',
    'src/demo',
  ],
};

/** Files under 30 lines that fewer than three others import. */
const SMALL_FOR_A_REASON: Readonly<Record<string, string>> = {
  'src/cli/main.ts': 'a process entry',
  'src/cli/node-version.ts': 'what the process entry loads on a Node that cannot load the rest',
  'src/client/index.ts': 'the package entry `reqrun/client`',
  'src/domain/signed-text.ts':
    'what client and service must agree on, and nothing else that the client would load',
  'src/temporal/failure-converter.ts': 'the SDK loads it by its path',
  'src/temporal/worker/build-bundle.ts': 'a process entry',
  'workflows/delete-request.ts': 'a workflow type',
  'workflows/index.ts': 'the entry of the workflow bundle',
};

describe('the architecture', () => {
  it.each(Object.entries(RIGHTS))('lets %s import only what lies further in', (folder, allowed) => {
    const bad = imports.filter(
      ({ from, to, typeOnly }) =>
        from.startsWith(`${folder}/`) &&
        ours(to) &&
        !typeOnly &&
        !to.startsWith(`${folder}/`) &&
        !allowed.some((right) => to === right || to.startsWith(`${right}/`)),
    );
    expect(bad).toEqual([]);
  });

  it('has no process entry that another file imports, for an import would start it', () => {
    const entries = [
      'src/main.ts',
      'src/api.ts',
      'src/worker.ts',
      'src/cli/main.ts',
      'src/temporal/worker/build-bundle.ts',
      'src/dev-server/guard.ts',
    ];
    expect(imports.filter(({ to }) => entries.includes(to))).toEqual([]);
  });

  it('has no import cycles, type imports included', () => {
    const inCycle = files.filter((file) => reachableFrom(file).has(file));
    expect(inCycle).toEqual([]);
    expect(reachableFrom('src/main.ts').size).toBeGreaterThan(80);
  });

  it('reads the environment in one file', () => {
    expect(files.filter((file) => read(file).includes('process.env'))).toEqual(['src/config.ts']);
  });

  it('imports the metrics library in one file only, so that other files only report events', () => {
    expect(imports.filter(({ to }) => to === 'prom-client').map(({ from }) => from)).toEqual([
      'src/metrics/registry.ts',
    ]);
  });

  it('starts other programs in few places, each of which gives them no more than what is listed', () => {
    const starting = imports.filter(({ to }) => to === 'node:child_process').map(({ from }) => from);
    // The guard hands on what it was given itself.
    const GUARD = 'src/dev-server/guard.ts';
    expect(starting).toContain(GUARD);
    expect(starting.filter((file) => !/ env: childEnv\(env\),\n/.test(read(file)))).toEqual([GUARD]);
  });

  it('reaches behind the public API of the Temporal SDK in one file', () => {
    const internals = imports.filter(({ to }) => /^@temporalio\/[^/]+\/lib\//.test(to));
    expect([...new Set(internals.map(({ from }) => from))]).toEqual(['src/temporal/sdk-internals.ts']);
  });

  it('keeps zod and openai out of the workflow bundle', async () => {
    const bundle = await loadWorkflowBundle();
    if (!('code' in bundle)) throw new Error('expected the code');
    expect(bundle.code).toContain('durableRequest');
    expect(bundle.code).not.toMatch(/node_modules\/(zod|openai)\//);
  });

  it('has all of Temporal at one exact version, and exact versions everywhere', () => {
    const Manifest = z.object({
      dependencies: z.record(z.string(), z.string()),
      devDependencies: z.record(z.string(), z.string()),
    });
    const { dependencies, devDependencies } = Manifest.parse(JSON.parse(read('package.json')));
    const all = Object.entries({ ...dependencies, ...devDependencies });
    expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    expect(
      new Set(all.filter(([name]) => name.startsWith('@temporalio/')).map(([, version]) => version)).size,
    ).toBe(1);
  });

  describe('its files', () => {
    const linesOf = (file: string): number => read(file).trimEnd().split('\n').length;
    const importersOf = (file: string): number =>
      new Set(imports.filter(({ to }) => to === file).map(({ from }) => from)).size;

    it('are no longer than 300 lines', () => {
      expect(files.filter((file) => linesOf(file) > 300)).toEqual([]);
    });

    it('have a median of 60 to 90 lines, and at most a quarter have 40 or fewer', () => {
      const sizes = files.map(linesOf).sort((one, other) => one - other);
      expect(sizes[Math.floor(sizes.length / 2)]).toBeGreaterThanOrEqual(60);
      expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThanOrEqual(90);
      expect(sizes.filter((lines) => lines <= 40).length / sizes.length).toBeLessThanOrEqual(0.25);
    });

    it('of fewer than 30 lines have three importers, or a reason', () => {
      const small = files.filter((file) => linesOf(file) < 30 && importersOf(file) < 3);
      expect(small.sort()).toEqual(Object.keys(SMALL_FOR_A_REASON).sort());
    });
  });
});
