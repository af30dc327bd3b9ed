import { proxyActivities } from '@temporalio/workflow';
import type { CallActivities } from './call-plainly.ts';

const { callUpstream } = proxyActivities<CallActivities>({ startToCloseTimeout: '10 minutes' });

/** A durable call as a first program would write it. */
export async function naive(body: string): Promise<string> {
  return callUpstream(body);
}
