import { createParser } from 'eventsource-parser';
import { Pool } from 'undici';
import { preciseNowMs, sentAtMs } from '../upstream/bench-stream.ts';

/** One event of a stream: when the upstream sent it, and when it was here. */
export interface TimedEvent {
  readonly sentMs: number;
  readonly cameMs: number;
}

/** A stream that was read to its end. */
export interface StreamCall {
  /** From the call to the first event with content. */
  readonly firstMs: number;
  readonly events: readonly TimedEvent[];
  /** Whether `[DONE]` came. */
  readonly isWhole: boolean;
}

export interface StreamCaller {
  call(body: Buffer): Promise<StreamCall>;
  close(): Promise<void>;
}

/** Creates a client that reads streams of one path. */
export function createStreamCaller(url: string): StreamCaller {
  const { origin, pathname: path } = new URL(url);
  const pool = new Pool(origin, { connections: null, headersTimeout: 0, bodyTimeout: 0 });
  return {
    async call(body) {
      const startedMs = preciseNowMs();
      const headers = { 'content-type': 'application/json' };
      const { statusCode, body: answer } = await pool.request({ method: 'POST', path, body, headers });
      if (statusCode !== 200) throw new Error(`${statusCode} ${(await answer.text()).slice(0, 200)}`);
      const events: TimedEvent[] = [];
      let isWhole = false;
      const parser = createParser({
        onEvent: ({ data }) => {
          const cameMs = preciseNowMs();
          const sentMs = sentAtMs(data);
          if (sentMs !== null) events.push({ sentMs, cameMs });
          isWhole ||= data === '[DONE]';
        },
      });
      const decoder = new TextDecoder();
      for await (const chunk of answer) parser.feed(decoder.decode(chunk, { stream: true }));
      return { firstMs: (events[0]?.cameMs ?? NaN) - startedMs, events, isWhole };
    },
    close: () => pool.destroy(),
  };
}
