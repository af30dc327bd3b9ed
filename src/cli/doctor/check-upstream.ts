import type { Config } from '../../config.ts';
import { probe, innermostReason } from '../../dev-server/http-file.ts';
import { describeUpstreamProxy } from '../../domain/proxy.ts';
import { type Check, fault, ok, warning } from './check.ts';

const ANSWER_MS = 10_000;
/** A signed request with a larger difference is refused; see signature_expired. */
const WRONG_CLOCK_MS = 300_000;
const ODD_CLOCK_MS = 30_000;

/** Checks the service-wide upstream with a call that costs nothing, the proxy to it, and this clock by its answer. */
export async function checkUpstream(config: Config): Promise<readonly Check[]> {
  const { upstream, proxies } = config;
  const proxy = ok('proxy', describeUpstreamProxy(upstream?.baseURL ?? null, proxies) ?? 'none');
  const noClock = ok('clock', `${new Date().toISOString()}, not compared: no other machine was asked`);
  if (upstream === null) {
    const found = 'the built-in demo upstream, because neither OPENAI_API_KEY nor OPENAI_BASE_URL is set';
    return [warning('upstream', found, 'Set OPENAI_API_KEY for real answers.'), proxy, noClock];
  }
  const url = `${upstream.baseURL.replace(/\/+$/, '')}/models`;
  const authorization = upstream.apiKey === null ? null : `Bearer ${upstream.apiKey}`;
  const signal = AbortSignal.timeout(ANSWER_MS);
  try {
    const sentMs = Date.now();
    const { status, date } = await probe({ url, authorization }, { proxies, firstByteMs: ANSWER_MS, signal });
    const judged = judgeStatus(upstream.baseURL, status, config.upstreamHeadersFile !== null);
    return [judged, proxy, checkClock(date, (sentMs + Date.now()) / 2)];
  } catch (error) {
    const found = `${upstream.baseURL} cannot be reached: ${innermostReason(error)}`;
    const todo = 'Correct OPENAI_BASE_URL, the network, or HTTPS_PROXY and NO_PROXY.';
    return [fault('upstream', found, todo), proxy, noClock];
  }
}

function judgeStatus(baseURL: string, status: number, hasOwnHeaders: boolean): Check {
  const found = `${baseURL} answers GET /models with ${status}`;
  if (status !== 401 && status !== 403) return ok('upstream', found);
  if (hasOwnHeaders) {
    return warning(
      'upstream',
      found,
      'The headers of REQRUN_UPSTREAM_HEADERS_FILE were not sent; try a call.',
    );
  }
  return fault('upstream', found, 'Correct OPENAI_API_KEY: the upstream refuses it.');
}

/** Compares this clock with the time in an answer. */
export function checkClock(date: string | null, nowMs: number): Check {
  const theirsMs = Date.parse(date ?? '');
  if (Number.isNaN(theirsMs)) return ok('clock', 'not compared: the answer of the upstream has no time');
  const seconds = Math.round(Math.abs(nowMs - theirsMs) / 1000);
  const found = `differs from the upstream's by ${seconds} s`;
  const todo = 'Set the clock of this machine, by NTP for example.';
  if (seconds * 1000 > WRONG_CLOCK_MS)
    return fault('clock', `${found}, so signed requests are refused`, todo);
  return seconds * 1000 > ODD_CLOCK_MS ? warning('clock', found, todo) : ok('clock', found);
}
