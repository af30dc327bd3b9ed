import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clientManifest, CloneManifest, serverManifest } from '../../scripts/pack/manifests.ts';
import { portableBundle } from '../../scripts/pack/portable-bundle.ts';
import { ROOT } from '../../scripts/pages.ts';
import { OLDEST_NODE } from '../../src/cli/node-version.ts';
import { packagedBundle } from '../../src/temporal/worker/workflow-bundle.ts';

const text = readFileSync(`${ROOT}package.json`, 'utf8');
const clone = CloneManifest.parse(JSON.parse(text));

describe('a generated manifest', () => {
  it('leaves the clone’s own to machines with Node 20, and private', () => {
    expect(JSON.parse(text)).toMatchObject({
      private: true,
      engines: { node: '>=20' },
      scripts: { start: 'exec node src/main.ts' },
    });
  });

  it('of the server has the clone’s dependencies, the command, and a Node that can load it', () => {
    expect(serverManifest(clone)).toMatchObject({
      name: 'reqrun',
      version: clone.version,
      license: 'MIT',
      engines: { node: `>=${OLDEST_NODE}` },
      bin: { reqrun: 'src/cli/main.js' },
      dependencies: clone.dependencies,
    });
    expect(JSON.stringify(serverManifest(clone))).not.toMatch(/private|scripts|devDependencies/);
    expect(Object.keys(clone.dependencies)).not.toContain('@temporalio/testing');
  });

  it('of the client needs the application’s openai and nothing else', () => {
    expect(clientManifest(clone)).toMatchObject({
      name: '@reqrun/client',
      version: clone.version,
      peerDependencies: { openai: `^${clone.dependencies['openai']}` },
    });
    expect(clientManifest(clone)).not.toHaveProperty('dependencies');
  });
});

describe('the workflow bundle of the package', () => {
  it('is taken if it is of the package’s version, because its sources are not there to compare', () => {
    const stored = { version: '1.2.3', sourceHash: 'x', code: 'code' };
    expect(packagedBundle(stored, '1.2.3', 'path')).toEqual({ code: 'code' });
    expect(() => packagedBundle(stored, '1.2.4', 'path')).toThrow(
      'is of version 1.2.3. It must be of version 1.2.4',
    );
    expect(() => packagedBundle(null, '1.2.4', 'path')).toThrow('path is missing');
  });

  it('loses the paths and texts of the machine that built it, and keeps its lines', () => {
    const map = { version: 3, mappings: 'AAAA', sources: ['/root/src/a.ts'], sourcesContent: ['secret'] };
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64');
    const head = 'run();\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,';
    const stored = JSON.stringify({ version: '1', code: head + encode(map) });
    const { code } = JSON.parse(portableBundle(stored, '/root/'));
    expect(code.startsWith(head)).toBe(true);
    const kept = Buffer.from(code.slice(head.length), 'base64').toString('utf8');
    expect(JSON.parse(kept)).toEqual({ version: 3, mappings: 'AAAA', sources: ['src/a.ts'] });
  });
});
