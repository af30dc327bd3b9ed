import { randomBytes } from 'node:crypto';
import { type Config, ConfigError } from '../../config.ts';
import { openLargeTexts, planLargeTexts } from '../../process/large-texts.ts';
import { type Check, fault, ok } from './check.ts';

const NAME = 'blob store';
/** A store that takes longer would hold up every large call. */
const WITHIN_MS = 15_000;

/**
 * Checks the configured blob store: puts a blob, reads it and deletes it. Null = none is configured; the directory of
 * an embedded deployment is part of the data directory.
 */
export async function checkBlobStore(config: Config): Promise<Check | null> {
  const { store: setting } = config.largeTexts;
  if (setting === null || setting.kind === 'none') return null;
  try {
    const plan = planLargeTexts(config, true);
    const opened = await openLargeTexts(plan, config, config.temporal.namespace);
    if (opened === null) return null;
    const { store } = opened;
    const name = `doctor/check/${randomBytes(8).toString('hex')}`;
    const signal = AbortSignal.timeout(WITHIN_MS);
    await store.put(name, once(Buffer.from('reqrun doctor')), signal);
    for await (const _part of store.get(name, signal));
    for await (const _listed of store.list('doctor/check/'));
    await store.delete(name);
    return ok(NAME, `${store.description} takes, returns, lists and deletes a blob`);
  } catch (error) {
    if (error instanceof ConfigError) {
      return fault('configuration', error.faults.join('; '), 'Correct the variables of large bodies.');
    }
    const found = error instanceof Error ? error.message : String(error);
    return fault(
      NAME,
      `cannot be used: ${found}`,
      'Correct REQRUN_BLOB_STORE, the rights in docs/large-bodies.md, or the AWS variables.',
    );
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
