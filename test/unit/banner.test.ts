import { expect, it } from 'vitest';
import { banner } from '../../src/process/banner.ts';
import type { Started } from '../../src/temporal/store/start-run.ts';

const STARTED: Started = {
  apiUrl: 'http://127.0.0.1:8080',
  uiUrl: null,
  temporal: 'embedded',
  upstream: 'https://api.example/v1',
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
