import type { Config } from '../config.ts';

/** The protections that the operator has lifted, a sentence each: said at every start, in log and banner. */
export function insistedOn({
  keysFile,
  allowOpen,
  allowPlainUpstream,
}: Pick<Config, 'keysFile' | 'allowOpen' | 'allowPlainUpstream'>): readonly string[] {
  const said: string[] = [];
  if (allowOpen && keysFile === null) {
    said.push('REQRUN_ALLOW_OPEN=1: there are no API keys, and whoever reaches the API is answered');
  }
  if (allowPlainUpstream) {
    said.push(
      'REQRUN_ALLOW_PLAIN_UPSTREAM=1: upstreams may have http addresses, and the network on the way there can read prompts, answers and keys',
    );
  }
  return said;
}
