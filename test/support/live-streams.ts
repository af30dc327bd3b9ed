import { readRecord, unique } from './api.ts';
import { openStream } from './read-stream.ts';
import type { ScriptedUpstream } from './scripted-upstream.ts';
import { ending, opening } from './stream-steps.ts';
import { until } from './until.ts';

/** Waits until an API shows the events of a running attempt: its connection and the worker's come up by themselves. */
export async function untilLive(upstream: ScriptedUpstream, url: string): Promise<void> {
  await until(
    async () => {
      const key = unique('works');
      const goOn = Promise.withResolvers<void>();
      upstream.script(key, { stream: [...opening('a'), { until: goOn.promise }, ...ending()] });
      const body = { model: key, messages: [{ role: 'user', content: 'hi' }], idempotency_key: key };
      const stream = await openStream(url, '/v1/chat/completions', body);
      const timer = setTimeout(goOn.resolve, 500);
      const events = await stream.until(1);
      const isLive = events.length > 0 && (await readRecord(url, key)).status === 'processing';
      clearTimeout(timer);
      goOn.resolve();
      await stream.rest();
      return isLive;
    },
    (isLive) => isLive,
  );
}
