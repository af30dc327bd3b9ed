import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config.ts';

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

  it('serves no metrics by default, and on loopback where it does: they ask nobody who he is', () => {
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
});
