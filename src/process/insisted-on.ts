import type { Config } from '../config.ts';

/** The protections that the operator has lifted, a sentence each: said at every start, in log and banner. */
export function insistedOn({
  keysFile,
  allowOpen,
  allowedHosts,
  allowPlainUpstream,
}: Pick<Config, 'keysFile' | 'allowOpen' | 'allowedHosts' | 'allowPlainUpstream'>): readonly string[] {
  const said: string[] = [];
  if (allowOpen && keysFile === null) {
    said.push('REQRUN_ALLOW_OPEN=1: there are no API keys, and whoever reaches the API is answered');
  }
  if (allowedHosts === null && keysFile === null) {
    said.push(
      'REQRUN_ALLOWED_HOSTS=*: there are no API keys, and a web page may get here by having a name of its own resolved to this machine',
    );
  }
  if (allowPlainUpstream) {
    said.push(
      'REQRUN_ALLOW_PLAIN_UPSTREAM=1: upstreams may have http addresses, and the network on the way there can read prompts, answers and keys',
    );
  }
  return said;
}
