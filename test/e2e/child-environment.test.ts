/** A real `npm start`: what the processes that it starts can tell of its secrets, by /proc (Linux). */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createEmbeddedService, type EmbeddedService } from '../support/embedded-service.ts';
import { newKey } from '../support/encryption.ts';
import { makeKeysFile, type TestKeys } from '../support/keys-file.ts';
import { treeOf } from '../support/process-tree.ts';

const SECRETS = {
  OPENAI_API_KEY: 'sk-canary-openai',
  REQRUN_ENCRYPTION_KEYS: newKey('canary-encryption'),
  REQRUN_CODEC_TOKEN: `canary-codec-${randomBytes(16).toString('hex')}`,
  TEMPORAL_API_KEY: 'canary-temporal',
  BILLING_UPSTREAM: 'sk-canary-project',
};
let keys: TestKeys;
let service: EmbeddedService;
beforeAll(async () => {
  const upstream = { base_url: 'https://api.example/v1', api_key_env: 'BILLING_UPSTREAM' };
  keys = await makeKeysFile({ billing: { upstream } });
  service = await createEmbeddedService({ ...SECRETS, REQRUN_KEYS_FILE: keys.path, XDG_CANARY: 'handed-on' });
});
afterAll(async () => {
  await service.remove();
  await keys.remove();
});

const environmentOf = (pid: number): string => readFileSync(`/proc/${pid}/environ`, 'utf8');

it.skipIf(process.platform !== 'linux')(
  'hands its secrets to no process that it starts, because none has a use for them',
  async () => {
    const { child } = await service.start();
    const [own = 0, ...started] = treeOf(child.pid ?? 0);
    const told = Object.values(SECRETS).map((secret) => environmentOf(own).includes(secret));
    expect(told).toEqual(told.map(() => true));
    // The guard and the Temporal server.
    expect(started).toHaveLength(2);
    for (const environment of started.map(environmentOf)) {
      expect(environment).toContain('XDG_CANARY=handed-on');
      expect(environment).toContain('GOGC=400');
      for (const [name, secret] of Object.entries(SECRETS)) {
        expect(environment).not.toContain(name);
        expect(environment).not.toContain(secret);
      }
    }
  },
);
