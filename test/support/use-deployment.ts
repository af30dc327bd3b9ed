import { afterAll } from 'vitest';
import { startDeployment, type Deployment, type DeploymentOptions } from './deployment.ts';
import { startScriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts';

/** What a test file works with, from its first test to its last. */
export interface UsedDeployment {
  readonly upstream: ScriptedUpstream;
  readonly deployment: Deployment;
  /** Of its API, without a path. */
  readonly url: string;
}

/** Starts a scripted upstream and a deployment that calls it, for the whole file; called at its top. */
export async function useDeployment(
  options: Omit<DeploymentOptions, 'upstreamURL'> = {},
): Promise<UsedDeployment> {
  const upstream = await startScriptedUpstream();
  const deployment = await startDeployment({ ...options, upstreamURL: upstream.baseURL });
  afterAll(async () => {
    await deployment.stop();
    await upstream.close();
  });
  return { upstream, deployment, url: deployment.url };
}
