import { setTimeout as sleep } from 'node:timers/promises';
import { isAcceptance } from '../history/request-history.ts';
import type { ObservingClient } from './client.ts';
import { planLoad, type ClientPlan } from './load-plan.ts';

/** In every prompt: nothing that is logged may contain it. */
export const CANARY = 'canary-prompt-5b1e';

export interface LoadSettings {
  readonly client: ObservingClient;
  /** Of the API's processes. */
  readonly urls: readonly string[];
  readonly seed: number;
  readonly perSecond: number;
}

/** Steady load by clients that are not coordinated with the faults. */
export interface Load {
  /** Every key that was sent and every id that was answered. */
  readonly ids: ReadonlySet<string>;
  /** The URL of the next POST, as it is sent, or of the next 202, as it is read. */
  next(moment: 'sent' | 'accepted'): Promise<string>;
  /** Resolves when every client is done. */
  stop(): Promise<void>;
}

const INSIST_AFTER_MS = 400;
const INSIST_TIMES = 20;

export function startLoad({ client, urls, seed, perSecond }: LoadSettings): Load {
  const ids = new Set<string>();
  const stopping = new AbortController();
  const open = new Set<Promise<void>>();
  const listeners = { sent: new Set<(url: string) => void>(), accepted: new Set<(url: string) => void>() };
  const tell = (moment: 'sent' | 'accepted', url: string): void => {
    const told = [...listeners[moment]];
    listeners[moment].clear();
    for (const listener of told) listener(url);
  };

  async function play(plan: ClientPlan): Promise<void> {
    const id = await post(plan);
    if (id === null) return;
    ids.add(id);
    for (const [nth, afterMs] of plan.readAfterMs.entries()) {
      await sleep(afterMs);
      const url = urls[(plan.at + nth) % urls.length] ?? '';
      const query = nth === plan.readAfterMs.length - 1 ? '?wait=2' : '';
      // The same request is read in both ways.
      const isResponse = plan.response !== null && nth % 2 === 0;
      await client.call({ url, operation: 'get', isResponse, key: id, query });
    }
  }

  /** The id of the request, when it was accepted. */
  async function post(plan: ClientPlan): Promise<string | null> {
    if (plan.key !== null) ids.add(plan.key);
    for (let nth = 0; nth < (plan.insists ? INSIST_TIMES : 1); nth += 1) {
      const url = urls[(plan.at + nth) % urls.length] ?? '';
      const sending = client.call({
        url,
        operation: 'post',
        isResponse: plan.response !== null,
        key: plan.key,
        sent: plan.sent,
        body: bodyOf(plan),
        ...(plan.leaveAfterMs === null || nth > 0 ? {} : { leaveAfterMs: plan.leaveAfterMs }),
      });
      tell('sent', url);
      const answer = await sending;
      if (answer.status === 202) tell('accepted', url);
      if (isAcceptance(answer)) return answer.id;
      // Without a key a second POST would be another request.
      if (plan.key === null || (answer.status !== null && answer.status !== 503)) return null;
      await sleep(INSIST_AFTER_MS);
    }
    return null;
  }

  async function run(): Promise<void> {
    for (const plan of planLoad(seed, perSecond)) {
      await sleep(plan.gapMs);
      if (stopping.signal.aborted) return;
      const playing = play(plan).finally(() => open.delete(playing));
      open.add(playing);
    }
  }
  const running = run();
  return {
    ids,
    next: (moment) => new Promise((resolve) => listeners[moment].add(resolve)),
    stop: async () => {
      stopping.abort();
      await running;
      await Promise.all(open);
    },
  };
}

function bodyOf({ key, sent, model, waitSeconds, options, response }: ClientPlan): string {
  const prompt = `${CANARY} ${sent}`;
  return JSON.stringify({
    model,
    ...(response === null
      ? { messages: [{ role: 'user', content: prompt }] }
      : { input: prompt, background: response.background }),
    wait: waitSeconds,
    reqrun: options,
    ...(key === null ? {} : { idempotency_key: key }),
  });
}
