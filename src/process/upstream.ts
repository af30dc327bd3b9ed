import type { Config } from '../config.ts';
import { startDemoUpstream } from '../demo/demo-upstream.ts';
import { MAX_RESPONSE_BYTES } from '../domain/payload-size.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import { createProjectUpstreams, type ProjectUpstreams } from '../upstream/by-project.ts';
import { createUpstream } from '../upstream/client.ts';
import { createUpstreamLookUp } from './upstream-look-up.ts';
import type { Stopper } from './stop.ts';

/** The upstream a worker calls, and how to name it to a person. */
export interface ChosenUpstream {
  readonly upstream: ProjectUpstreams;
  readonly baseURL: string;
  readonly isDemo: boolean;
}

/**
 * The configured upstream; without one, the built-in demo upstream is started. Projects of the keys file that
 * have one of their own are served by that.
 */
export async function chooseUpstream(
  config: Config,
  stopper: Stopper,
  keys: KeyRing | null,
): Promise<ChosenUpstream> {
  const chosen = config.upstream ?? { baseURL: await startDemo(stopper), apiKey: null };
  const common = createUpstream({ ...chosen, maxResponseBytes: MAX_RESPONSE_BYTES });
  const upstream = createProjectUpstreams(common, createUpstreamLookUp(keys, MAX_RESPONSE_BYTES));
  stopper.add({ name: 'upstream client', stop: () => upstream.close() });
  return { upstream, baseURL: chosen.baseURL, isDemo: config.upstream === null };
}

async function startDemo(stopper: Stopper): Promise<string> {
  const demo = await startDemoUpstream();
  stopper.add({ name: 'demo upstream', stop: () => demo.close() });
  return demo.baseURL;
}
