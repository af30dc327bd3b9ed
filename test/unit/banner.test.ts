import { expect, it } from 'vitest';
import { banner, type Started } from '../../src/process/banner.ts';

const STARTED: Started = {
  apiUrl: 'http://127.0.0.1:8080',
  uiUrl: null,
  temporal: 'embedded',
  upstream: 'https://api.example/v1',
  proxy: null,
  payloads: 'encrypted',
  securityOverrides: [],
  metricsUrl: null,
  isDemo: false,
  isKeyed: false,
  model: 'm',
  demoModels: [],
};

it('says loudly which protections are lifted, and cries for nothing else', () => {
  expect(banner(STARTED)).not.toContain('***');
  const said = banner({ ...STARTED, securityOverrides: ['A=1: open', 'B=1: plain'] });
  expect(said.match(/^ {2}\*\*\* .* \*\*\*$/gm)).toEqual(['  *** A=1: open. ***', '  *** B=1: plain. ***']);
});
