import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, loadKeysSettings } from '../../src/config.ts';
import { securityOverrides } from '../../src/process/run-entry.ts';

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults;
  }
}

describe('the configuration', () => {
  it('is refused while certificates are not checked, because anybody could then answer as the upstream', () => {
    expect(faultsOf({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toHaveLength(1);
    expect(faultsOf({ NODE_TLS_REJECT_UNAUTHORIZED: '1' })).toEqual([]);
  });

  it('may listen beyond loopback with keys only, or where the operator insists', () => {
    expect(faultsOf({ HOST: '0.0.0.0' })).toHaveLength(1);
    expect(faultsOf({ HOST: '0.0.0.0', REQRUN_KEYS_FILE: 'keys.json' })).toEqual([]);
    expect(faultsOf({ HOST: '0.0.0.0', REQRUN_ALLOW_OPEN: '1' })).toEqual([]);
  });

  it('answers to HOST and the names that are allowed, whether or not it may listen beyond loopback', () => {
    const hostsOf = (env: Record<string, string>) => loadConfig(env).allowedHosts;
    expect(hostsOf({})).toEqual(['127.0.0.1']);
    expect(hostsOf({ HOST: '0.0.0.0', REQRUN_ALLOW_OPEN: '1' })).toEqual(['0.0.0.0']);
    expect(hostsOf({ HOST: '::1', REQRUN_ALLOWED_HOSTS: 'Api, a_b.example,,[fd00::1]' })).toEqual([
      '::1',
      'api',
      'a_b.example',
      '[fd00::1]',
    ]);
    expect(hostsOf({ REQRUN_ALLOWED_HOSTS: '*' })).toBe(null);
    for (const REQRUN_ALLOWED_HOSTS of ['canary:8080', 'http://canary', 'fd00::1', '*.canary', 'a b']) {
      expect(faultsOf({ REQRUN_ALLOWED_HOSTS })).toEqual([
        'REQRUN_ALLOWED_HOSTS must be names without ports, or *',
      ]);
    }
  });

  it('resolves localhost to one address, because a second server would not share the limits', () => {
    expect(loadConfig({ HOST: 'localhost' }).host).toBe('127.0.0.1');
    const metrics = { REQRUN_METRICS_HOST: 'LocalHost', REQRUN_METRICS_PORT: '1' };
    expect(loadConfig(metrics).metrics?.host).toBe('127.0.0.1');
    expect(loadConfig({ HOST: '::1' }).host).toBe('::1');
  });

  it('serves no metrics by default, and only on loopback, because they have no authentication', () => {
    expect(loadConfig({}).metrics).toBe(null);
    expect(loadConfig({ REQRUN_METRICS_PORT: '0', REQRUN_METRICS_HOST: '0.0.0.0' }).metrics).toBe(null);
    expect(loadConfig({ REQRUN_METRICS_PORT: '9464' }).metrics).toEqual({ host: '127.0.0.1', port: 9464 });
    expect(faultsOf({ REQRUN_METRICS_PORT: '65536' })).toHaveLength(1);
  });

  it('names every faulty variable at once and never its value', () => {
    const faults = faultsOf({ PORT: 'canary', REQRUN_ENCRYPTION_KEYS: 'canary' });
    expect(faults.map((fault) => fault.split(' ')[0]).toSorted()).toEqual(['PORT', 'REQRUN_ENCRYPTION_KEYS']);
    expect(faults.join()).not.toContain('canary');
  });

  it.each([
    'http://ollama:11434/v1',
    'http://10.0.0.7:8000/v1',
    'http://127.0.0.1.example.org',
    'http://[fd00::1]/v1',
  ])('refuses %s as the upstream, because whoever is on the way could read prompts and the key', (url) => {
    const [fault, ...others] = faultsOf({ OPENAI_BASE_URL: url });
    expect(others).toEqual([]);
    expect(fault).toMatch(/^OPENAI_BASE_URL must be https .*REQRUN_ALLOW_PLAIN_UPSTREAM=1/);
    expect(fault).not.toContain(new URL(url).hostname);
    expect(faultsOf({ OPENAI_BASE_URL: url, REQRUN_ALLOW_PLAIN_UPSTREAM: '0' })).toHaveLength(1);
    expect(loadConfig({ OPENAI_BASE_URL: url, REQRUN_ALLOW_PLAIN_UPSTREAM: '1' }).upstream?.baseURL).toBe(
      url,
    );
  });

  it.each([
    'http://127.0.0.1:11434/v1',
    'http://localhost/v1',
    'http://[::1]:1/v1',
    'https://api.example/v1',
  ])('takes %s as the upstream without a word, because nobody is on the way, or cannot read it', (url) =>
    expect(faultsOf({ OPENAI_BASE_URL: url })).toEqual([]),
  );

  it('never accepts credentials in the upstream’s address, because the address is logged at start', () => {
    for (const url of ['https://canary@api.example/v1', 'http://u:canary@127.0.0.1/v1']) {
      for (const REQRUN_ALLOW_PLAIN_UPSTREAM of ['0', '1']) {
        expect(faultsOf({ OPENAI_BASE_URL: url, REQRUN_ALLOW_PLAIN_UPSTREAM })).toEqual([
          'OPENAI_BASE_URL must not hold credentials',
        ]);
      }
    }
  });

  it('lists the upstream’s fault beside all others', () => {
    const faults = faultsOf({
      OPENAI_BASE_URL: 'http://ollama/v1',
      PORT: 'x',
      REQRUN_ALLOW_PLAIN_UPSTREAM: 'yes',
    });
    expect(faults.map((fault) => fault.split(' ')[0]).toSorted()).toEqual([
      'OPENAI_BASE_URL',
      'PORT',
      'REQRUN_ALLOW_PLAIN_UPSTREAM',
    ]);
    expect(faultsOf({ OPENAI_BASE_URL: 'ftp://canary', PORT: '1' })).toEqual([
      'OPENAI_BASE_URL must be an http or https URL',
    ]);
  });

  it('tells the command for the keys file which file, and whether its upstreams may be plain', () => {
    expect(loadKeysSettings({ REQRUN_KEYS_FILE: 'k.json', REQRUN_ALLOW_PLAIN_UPSTREAM: '1' })).toEqual({
      keysFile: 'k.json',
      allowPlainUpstream: true,
    });
    expect(loadKeysSettings({ REQRUN_KEYS_FILE: '' })).toEqual({ keysFile: null, allowPlainUpstream: false });
  });
});

describe('a protection that the operator lifted', () => {
  const saidWith = (env: Record<string, string>): readonly string[] => securityOverrides(loadConfig(env));

  it('is said at every start, each by its variable, and nothing is where none is lifted', () => {
    expect(saidWith({})).toEqual([]);
    expect(saidWith({ REQRUN_ALLOW_OPEN: '1', REQRUN_ALLOW_PLAIN_UPSTREAM: '1' })).toEqual([
      expect.stringMatching(/^REQRUN_ALLOW_OPEN=1: /),
      expect.stringMatching(/^REQRUN_ALLOW_PLAIN_UPSTREAM=1: /),
    ]);
    expect(saidWith({ REQRUN_ALLOWED_HOSTS: 'a,*' })).toEqual([
      expect.stringMatching(/^REQRUN_ALLOWED_HOSTS=\*: /),
    ]);
    expect(saidWith({ REQRUN_ALLOWED_HOSTS: 'a' })).toEqual([]);
    // With keys, nothing is open.
    const lifted = { REQRUN_ALLOW_OPEN: '1', REQRUN_ALLOWED_HOSTS: '*' };
    expect(saidWith({ ...lifted, REQRUN_KEYS_FILE: 'k.json' })).toEqual([]);
  });
});
