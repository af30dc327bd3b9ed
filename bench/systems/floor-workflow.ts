import { proxyActivities, proxySinks, type Sinks } from '@temporalio/workflow';
import type { CallActivities } from './call-plainly.ts';

/** Sinks through which the caller in the worker's process gets the result. */
export interface FloorSinks extends Sinks {
  readonly calls: { answered(result: string): void };
}

const { callUpstream } = proxyActivities<CallActivities>({ startToCloseTimeout: '10 minutes' });
const { calls } = proxySinks<FloorSinks>();

/** The minimum that makes a call durable: one activity in a workflow. */
export async function floor(body: string): Promise<string> {
  const result = await callUpstream(body);
  calls.answered(result);
  return result;
}
