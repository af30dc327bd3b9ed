import { delimiter, dirname } from 'node:path';

/**
 * The environment of a test that installs packages as a user does: nothing of the repository but the Node that
 * runs the tests. A connection to the registry that stalls is given up after 30 s and tried again; npm itself
 * would wait for 5 minutes.
 */
export const INSTALL_ENV: Readonly<Record<string, string>> = {
  PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
  HOME: process.env['HOME'] ?? '',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_prefer_offline: 'true',
  npm_config_fetch_timeout: '30000',
  npm_config_fetch_retries: '5',
};
