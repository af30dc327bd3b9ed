import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { StreamPublisher, StreamSubscriber } from '../domain/streams/channel.ts';
import { createBytesSeal } from '../encryption/sealed-bytes.ts';
import { createStreamHub } from '../streams/hub.ts';
import { connectStreamRedis } from '../streams/redis-connection.ts';
import { createRedisPublisher } from '../streams/redis-publisher.ts';
import { createRedisSubscriber } from '../streams/redis-subscriber.ts';
import type { Stopper } from './stop.ts';

interface StreamParts {
  readonly config: Config;
  readonly namespace: string;
  /** Whether every run is made by this process's worker. Its events then need no other way. */
  readonly settledHere: boolean;
  readonly log: Logger;
  readonly stopper: Stopper;
}

/** Log lines about a Redis that does not work: one in this time. */
const LOG_EVERY_MS = 30_000;

/** Opens the stream channel of this process: Redis where it is configured, else the memory of the process. */
export function openStreams(parts: StreamParts): StreamPublisher & StreamSubscriber {
  const { config, namespace, settledHere, log, stopper } = parts;
  if (config.streamUrl === null || settledHere) return createStreamHub();
  let loggedAtMs = -Infinity;
  const redisLog = {
    lost(error: unknown): void {
      if (performance.now() - loggedAtMs < LOG_EVERY_MS) return;
      loggedAtMs = performance.now();
      const name = error instanceof Error ? error.name : 'unknown';
      log.warn(
        { error: name },
        'the stream channel does not work; callers get the rest of their streams with the result',
      );
    },
  };
  const redis = connectStreamRedis({
    url: config.streamUrl,
    namespace,
    seal: config.encryption === null ? null : createBytesSeal(config.encryption, namespace),
    log: redisLog,
  });
  stopper.add({ name: 'stream channel', stop: () => redis.close() });
  return { ...createRedisPublisher(redis, redisLog), ...createRedisSubscriber(redis, redisLog) };
}
