import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config.ts';
import { CLI_VERSION } from '../../dev-server/binary-on-disk.ts';
import { cliSource } from '../../dev-server/cli-release.ts';
import { binarySources, findBinary, NoBinaryError } from '../../dev-server/find-binary.ts';
import { downloadText, HttpStatusError, innermostReason } from '../../dev-server/http-file.ts';
import { hostOf } from '../../domain/hosts.ts';
import { binarySettings } from '../../process/choose-temporal.ts';
import { connectLazily, describeAddress } from '../../temporal/connection.ts';
import { type Check, fault, ok, warning } from './check.ts';

const NAME = 'Temporal';
const ANSWER_MS = 5_000;
const WAYS_OUT =
  'Install the Temporal CLI, set REQRUN_TEMPORAL_CLI_URL to a mirror or to the path of a copy, or set TEMPORAL_ADDRESS.';

/** Checks the Temporal server that a start uses: the one that is named, or the binary of the embedded one. */
export async function checkTemporal(config: Config): Promise<Check> {
  const { external } = config.temporal;
  if (external === null) return checkBinary(config);
  const where = `${describeAddress(external)} (named by ${external.namedBy})`;
  const connection = connectLazily(external);
  const stopped = new AbortController();
  try {
    // gRPC itself reports only that the time is over, not that the port is closed.
    if (!external.proxy) await openSocket(external.address);
    await Promise.race([connection.ensureConnected(), rejectLater(stopped.signal)]);
    return ok(NAME, `${where} answers`);
  } catch (error) {
    const found = `${where} does not answer: ${innermostReason(error)}`;
    return fault(NAME, found, 'Start a Temporal server there, or correct TEMPORAL_ADDRESS and the proxy.');
  } finally {
    stopped.abort();
    await connection.close();
  }
}

async function openSocket(address: string): Promise<void> {
  const [, port = ''] = /:(\d{1,5})$/.exec(address) ?? [];
  const socket = connect({ host: hostOf(address).replace(/^\[|\]$/g, ''), port: Number(port) });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(ANSWER_MS) });
  } finally {
    socket.destroy();
  }
}

async function rejectLater(signal: AbortSignal): Promise<never> {
  await sleep(ANSWER_MS, undefined, { signal });
  throw new Error(`no answer within ${ANSWER_MS / 1000} s`);
}

async function checkBinary(config: Config): Promise<Check> {
  const sources = binarySources(binarySettings(config, () => undefined)).filter(({ isSlow }) => !isSlow);
  try {
    const { path, source } = await findBinary(sources);
    return ok(NAME, `${path} (${source})`);
  } catch (error) {
    if (!(error instanceof NoBinaryError)) throw error;
    return checkDownload(config);
  }
}

/** Asks for the list of checksums, because it is small and stands where the archive does. */
async function checkDownload({ embedded, proxies }: Config): Promise<Check> {
  const source = cliSource(embedded.cliUrl);
  if (source === null) return fault(NAME, 'no CLI, and Temporal publishes none for this machine', WAYS_OUT);
  if ('path' in source) return fault(NAME, `${source.path} is no Temporal CLI that can be run`, WAYS_OUT);
  const { url, checksumsUrl, authorization } = source;
  const signal = AbortSignal.timeout(ANSWER_MS);
  try {
    await downloadText({ url: checksumsUrl, authorization }, { proxies, firstByteMs: ANSWER_MS, signal });
  } catch (error) {
    // A mirror may have the archive without the list.
    if (!(error instanceof HttpStatusError) || source.isOfficial) {
      const found = `no CLI on this machine, and ${new URL(url).host} cannot be reached: ${innermostReason(error)}`;
      return fault(NAME, found, WAYS_OUT);
    }
  }
  return warning(
    NAME,
    `no CLI on this machine; the first start downloads version ${CLI_VERSION} from ${url}`,
    'Nothing, if this machine may download it.',
  );
}
