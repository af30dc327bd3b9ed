import type { ClientCall, ObservingClient } from '../faults/client.ts';
import type { SeenAnswer } from '../history/history.ts';

/** ReqRun as the commands reach it. */
export interface System {
  readonly client: ObservingClient;
  readonly url: string;
  /** Makes a run's keys its own. */
  readonly prefix: string;
  /** Kills the worker with SIGKILL and starts another; null where it lives in the API's process. */
  readonly killWorker: (() => Promise<void>) | null;
}

/** What one POST says. */
export interface PostPlan {
  readonly script: string;
  readonly sent: string;
  readonly waitSeconds: number;
  readonly leaveAfterMs?: number;
}

export function send(system: System, key: string, plan: PostPlan): Promise<SeenAnswer> {
  const { script, sent, waitSeconds, leaveAfterMs } = plan;
  const body = JSON.stringify({
    model: script,
    messages: [{ role: 'user', content: sent }],
    wait: waitSeconds,
    idempotency_key: system.prefix + key,
    reqrun: { attempt_timeout_seconds: 1, deadline_seconds: 120 },
  });
  const call: ClientCall = { url: system.url, operation: 'post', key: system.prefix + key, sent, body };
  return system.client.call(leaveAfterMs === undefined ? call : { ...call, leaveAfterMs });
}

export function act(
  system: System,
  operation: 'get' | 'cancel' | 'retry' | 'delete',
  key: string,
): Promise<SeenAnswer> {
  return system.client.call({ url: system.url, operation, key: system.prefix + key });
}
