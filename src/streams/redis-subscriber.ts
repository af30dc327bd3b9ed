import type { PublishedAttempt, StreamSubscriber } from '../domain/streams/channel.ts';
import { type Assembly, createAssembly } from '../domain/streams/assembly.ts';
import { createStreamHub, type StreamHub } from './hub.ts';
import { decodeMessage, type StreamMessage } from './message.ts';
import type { RedisLog, StreamRedis } from './redis-connection.ts';

/** An attempt of another process, made again here from its messages. */
interface Mirror {
  readonly attempt: number;
  readonly assembly: Assembly;
  readonly published: PublishedAttempt;
  /** Number of the next message. */
  next: number;
}

/** A request that callers of this process follow. */
interface Subscription {
  mirror: Mirror | null;
  /** The attempt of which messages are gone. Its further messages are of no use. */
  lostAttempt: number | null;
  /** Messages that came while all were read again. Null = they are taken as they come. */
  early: StreamMessage[] | null;
  /** Whether all messages are being read, and whether some may be missing in what is read now. */
  isReading: boolean;
  isStale: boolean;
  isOver: boolean;
}

/**
 * Follows attempts by Redis Streams. A hub of this process gives the events to its callers. A message that is missing
 * makes all be read again; if it is gone, callers get no more events, and the rest with the result.
 */
export function createRedisSubscriber(redis: StreamRedis, log: RedisLog): StreamSubscriber {
  const subscriptions = new Map<string, Subscription>();
  const hub: StreamHub = createStreamHub({ wanted, unwanted });
  redis.onReconnect(() => {
    for (const [workflowId, subscription] of subscriptions) void catchUp(workflowId, subscription);
  });

  function wanted(workflowId: string): void {
    const subscription: Subscription = {
      mirror: null,
      lostAttempt: null,
      early: [],
      isReading: false,
      isStale: false,
      isOver: false,
    };
    subscriptions.set(workflowId, subscription);
    void redis
      .subscribe(workflowId, (bytes) => receive(workflowId, subscription, decodeMessage(bytes)))
      .then(() => catchUp(workflowId, subscription))
      .catch(log.lost);
  }

  function unwanted(workflowId: string): void {
    const subscription = subscriptions.get(workflowId);
    if (subscription === undefined) return;
    subscription.isOver = true;
    subscriptions.delete(workflowId);
    void redis.unsubscribe(workflowId).catch(log.lost);
  }

  function receive(workflowId: string, subscription: Subscription, message: StreamMessage | null): void {
    if (subscription.isOver || message === null || message.attempt === subscription.lostAttempt) return;
    if (subscription.early !== null) subscription.early.push(message);
    else if (!apply(workflowId, subscription, message)) void catchUp(workflowId, subscription);
  }

  /** Reads all messages of the current attempt, then takes those that came meanwhile. */
  async function catchUp(workflowId: string, subscription: Subscription): Promise<void> {
    subscription.isStale = true;
    if (subscription.isReading) return;
    subscription.isReading = true;
    let kept: readonly (Uint8Array | null)[] = [];
    while (subscription.isStale && !subscription.isOver) {
      subscription.isStale = false;
      subscription.early ??= [];
      kept = await redis.read(workflowId).catch((error: unknown) => {
        log.lost(error);
        return [];
      });
    }
    subscription.isReading = false;
    const early = subscription.early ?? [];
    subscription.early = null;
    for (const message of [...kept.map(decodeMessage), ...early]) {
      if (message === null || subscription.isOver) continue;
      if (!apply(workflowId, subscription, message)) subscription.lostAttempt = message.attempt;
    }
  }

  /** Returns whether the message was expected or is known already; false = one before it is missing. */
  function apply(workflowId: string, subscription: Subscription, message: StreamMessage): boolean {
    const { mirror } = subscription;
    if (message.kind === 'begin') {
      if (mirror === null || message.attempt > mirror.attempt)
        subscription.mirror = begin(workflowId, message);
      return true;
    }
    if (mirror === null || message.attempt > mirror.attempt) return false;
    if (message.attempt < mirror.attempt || message.number < mirror.next) return true;
    if (message.number > mirror.next) return false;
    mirror.next += 1;
    if (message.kind === 'end') mirror.published.end(message.fate);
    else {
      for (const event of message.events) mirror.assembly.add(event);
      mirror.published.publish(message.events);
    }
    return true;
  }

  function begin(
    workflowId: string,
    { attempt, operation }: Extract<StreamMessage, { readonly kind: 'begin' }>,
  ): Mirror {
    const assembly = createAssembly(operation, attempt);
    return { attempt, assembly, published: hub.begin(workflowId, { operation, attempt, assembly }), next: 0 };
  }

  return { follow: hub.follow };
}
