import { createClient, RESP_TYPES } from '@redis/client';
import { createHash } from 'node:crypto';
import type { BytesSeal } from '../encryption/sealed-bytes.ts';

export interface RedisLog {
  /** Redis did not take or give the events of an attempt. Its callers get the rest with the result. */
  lost(error: unknown): void;
}

/** The streams of requests in Redis. Each call fails within some seconds if Redis does not answer. */
export interface StreamRedis {
  /** Adds a message to the stream of a request, and tells its readers. The first one of an attempt replaces all others. */
  append(
    workflowId: string,
    message: Uint8Array,
    how: { readonly isFirst: boolean; readonly seconds: number },
  ): Promise<void>;
  /** All messages of the attempt that runs now. */
  read(workflowId: string): Promise<readonly (Uint8Array | null)[]>;
  /** Calls the listener with each message that is added from now on. */
  subscribe(workflowId: string, listener: (message: Uint8Array | null) => void): Promise<void>;
  unsubscribe(workflowId: string): Promise<void>;
  /** Calls the listener whenever subscriptions may have missed messages, because the connection was lost. */
  onReconnect(listener: () => void): void;
  close(): Promise<void>;
}

export interface StreamRedisSettings {
  /** `redis://` or `rediss://`, with user and password where Redis asks for them. */
  readonly url: string;
  readonly namespace: string;
  /** Null = events are kept in plain text. */
  readonly seal: BytesSeal | null;
  readonly log: RedisLog;
}

const CALL_MS = 5_000;
const CONNECT_MS = 5_000;
const MAX_RECONNECT_PAUSE_MS = 2_000;
/** Commands that wait for an answer. Beyond, Redis is away or too slow, and calls fail at once. */
const MAX_WAITING_COMMANDS = 10_000;
const FIELD = 'm';

/** Opens the connections to Redis. Resolves at once: Redis may be away, and is connected to when it is back. */
export function connectStreamRedis({ url, namespace, seal, log }: StreamRedisSettings): StreamRedis {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_WAITING_COMMANDS,
    socket: {
      connectTimeout: CONNECT_MS,
      reconnectStrategy: (retries) => Math.min(MAX_RECONNECT_PAUSE_MS, 50 * 2 ** Math.min(retries, 6)),
    },
  });
  const inBytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  const subscriber = client.duplicate();
  const reconnected: (() => void)[] = [];
  let wasReady = false;
  client.on('error', (error: unknown) => log.lost(error));
  subscriber.on('error', (error: unknown) => log.lost(error));
  subscriber.on('ready', () => {
    if (wasReady) for (const listener of reconnected) listener();
    wasReady = true;
  });
  void client.connect().catch(() => undefined);
  void subscriber.connect().catch(() => undefined);

  const keyOf = (workflowId: string): string => {
    const hash = createHash('sha256')
      .update(JSON.stringify([namespace, workflowId]))
      .digest('hex');
    return `reqrun:stream:${hash}`;
  };
  const opened = (bytes: Buffer, workflowId: string): Uint8Array | null =>
    seal === null ? bytes : seal.open(bytes, workflowId);

  return {
    async append(workflowId, message, { isFirst, seconds }) {
      const key = keyOf(workflowId);
      const value = Buffer.from(seal === null ? message : seal.seal(message, workflowId));
      const commands = client.multi();
      if (isFirst) commands.del(key);
      commands
        .xAdd(key, '*', { [FIELD]: value })
        .expire(key, seconds)
        .publish(key, value);
      await within(CALL_MS, commands.exec());
    },
    async read(workflowId) {
      const entries = await within(CALL_MS, inBytes.xRange(keyOf(workflowId), '-', '+'));
      return (entries ?? []).map(({ message }) => opened(Buffer.from(message[FIELD] ?? []), workflowId));
    },
    subscribe: (workflowId, listener) =>
      within(
        CALL_MS,
        subscriber.subscribe(keyOf(workflowId), (bytes) => listener(opened(bytes, workflowId)), true),
      ),
    unsubscribe: (workflowId) => within(CALL_MS, subscriber.unsubscribe(keyOf(workflowId))),
    onReconnect: (listener) => void reconnected.push(listener),
    close: async () => {
      client.destroy();
      subscriber.destroy();
    },
  };
}

/** Rejects if Redis takes longer. Its answer is then ignored. */
async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('Redis did not answer')), ms);
  return Promise.race([answer, late.promise]).finally(() => clearTimeout(timer));
}
