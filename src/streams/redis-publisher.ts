import type { AttemptFate, PublishedAttempt, StreamPublisher } from '../domain/streams/channel.ts';
import type { StreamEvent } from '../domain/streams/stream-event.ts';
import { encodeMessage, type StreamMessage } from './message.ts';
import type { RedisLog, StreamRedis } from './redis-connection.ts';

/** Events that wait for Redis, of one attempt. Beyond, Redis is too slow, and callers get the rest with the result. */
const MAX_WAITING_CHARACTERS = 1024 * 1024;
/** All that is kept of one attempt in Redis. An answer of this size has been read by its callers long before. */
const MAX_KEPT_CHARACTERS = 16 * 1024 * 1024;
/** What is left of an attempt in Redis after its end, for a reader that has not come that far. */
const KEPT_AFTER_END_SECONDS = 60;
/** What is left of an attempt whose worker has died. Longer than the longest attempt. */
const KEPT_SECONDS = 3_660;

/** Publishes attempts by Redis Streams. */
export function createRedisPublisher(redis: StreamRedis, log: RedisLog): StreamPublisher {
  return {
    begin(workflowId, { operation, attempt }) {
      let number = 0;
      let waiting: StreamEvent[] = [];
      let [waitingCharacters, keptCharacters] = [0, 0];
      let fate: AttemptFate | null = null;
      let isLost = false;
      let isWriting = false;

      function lose(error: unknown): void {
        if (!isLost) log.lost(error);
        isLost = true;
        waiting = [];
      }

      async function write(message: StreamMessage, seconds: number): Promise<void> {
        await redis.append(workflowId, encodeMessage(message), {
          isFirst: message.kind === 'begin',
          seconds,
        });
      }

      /** Writes what waits, one message at a time, so that what comes meanwhile becomes one message. */
      async function writeAll(): Promise<void> {
        if (isWriting) return;
        isWriting = true;
        while (!isLost && waiting.length > 0) {
          const events = waiting;
          waiting = [];
          waitingCharacters = 0;
          await write({ kind: 'events', attempt, number, events }, KEPT_SECONDS);
          number += 1;
        }
        if (!isLost && fate !== null) {
          await write({ kind: 'end', attempt, number, fate }, KEPT_AFTER_END_SECONDS);
        }
        isWriting = false;
      }

      const began = write({ kind: 'begin', attempt, operation }, KEPT_SECONDS).catch(lose);
      const go = (): void => void began.then(writeAll).catch(lose);
      const published: PublishedAttempt = {
        publish(events) {
          if (isLost) return;
          const characters = events.reduce((sum, { data }) => sum + data.length, 0);
          waitingCharacters += characters;
          keptCharacters += characters;
          if (waitingCharacters > MAX_WAITING_CHARACTERS) return lose(new Error('Redis is too slow'));
          if (keptCharacters > MAX_KEPT_CHARACTERS) return lose(new Error('the stream is too long'));
          waiting.push(...events);
          go();
        },
        end(how) {
          fate = how;
          go();
        },
      };
      return published;
    },
  };
}
