import { createReplay, type Replay } from '../domain/streams/replay.ts';
import type { StreamEvent } from '../domain/streams/stream-event.ts';
import type {
  AttemptFate,
  LiveSource,
  StreamFollower,
  StreamPosition,
  StreamPublisher,
  StreamSubscriber,
  TakenEvents,
} from '../domain/streams/channel.ts';

/** Notified of the requests that have followers, so that only their events are brought here. */
export interface HubObserver {
  /** The first follower of the request has come. */
  wanted(workflowId: string): void;
  /** The last follower of the request has left. */
  unwanted(workflowId: string): void;
}

/** The stream channel within one process. */
export type StreamHub = StreamPublisher & StreamSubscriber;

/** Events of an attempt that are kept as they came. Older ones are made again for a follower that is behind. */
const RECENT_EVENTS = 2;

/** An attempt with what followers need of it. */
interface Live {
  readonly source: LiveSource;
  /** The newest events, at most twice {@link RECENT_EVENTS}. */
  recent: StreamEvent[];
  /** Number of all events. */
  count: number;
  fate: AttemptFate | null;
}

interface Followed {
  live: Live | null;
  readonly followers: Set<() => void>;
}

/** @param observer null = attempts are published by this process alone */
export function createStreamHub(observer: HubObserver | null = null): StreamHub {
  const requests = new Map<string, Followed>();

  function of(workflowId: string): Followed {
    const known = requests.get(workflowId);
    if (known !== undefined) return known;
    const request: Followed = { live: null, followers: new Set() };
    requests.set(workflowId, request);
    return request;
  }

  function forgetIfIdle(workflowId: string, { live, followers }: Followed): void {
    if (followers.size === 0 && (live === null || live.fate !== null)) requests.delete(workflowId);
  }

  return {
    begin(workflowId, source) {
      const request = of(workflowId);
      const live: Live = { source, recent: [], count: 0, fate: null };
      if (request.live !== null) request.live.fate ??= 'broken';
      request.live = live;
      const notify = (): void => {
        for (const onChange of request.followers) onChange();
      };
      notify();
      return {
        publish(events) {
          live.count += events.length;
          live.recent.push(...events);
          if (live.recent.length > 2 * RECENT_EVENTS) live.recent = live.recent.slice(-RECENT_EVENTS);
          notify();
        },
        end(fate) {
          live.fate ??= fate;
          notify();
          forgetIfIdle(workflowId, request);
        },
      };
    },
    follow(workflowId, onChange, from) {
      const request = of(workflowId);
      request.followers.add(onChange);
      if (request.followers.size === 1) observer?.wanted(workflowId);
      return {
        ...createReader(request, from),
        leave() {
          if (!request.followers.delete(onChange)) return;
          if (request.followers.size === 0) observer?.unwanted(workflowId);
          forgetIfIdle(workflowId, request);
        },
      };
    },
  };
}

function createReader(request: Followed, from: StreamPosition | null): Pick<StreamFollower, 'take'> {
  let live: Live | null = null;
  let position = 0;
  let replay: Replay | null = null;

  function next({ source, recent, count }: Live): StreamEvent | null {
    const event = recent[recent.length - (count - position)];
    if (event !== undefined) {
      replay = null;
      position += 1;
      return event;
    }
    const { operation, attempt, assembly } = source;
    replay ??= createReplay(operation, { answer: assembly.answer, cuts: assembly.cuts, attempt }, position);
    const again = replay.next();
    // It may have stepped over an event that is not made again.
    position = replay.position;
    return again;
  }

  return {
    take(maxCharacters): TakenEvents {
      if (live === null || position === 0) {
        if (live !== request.live) replay = null;
        live = request.live;
        if (live !== null && live.source.attempt === from?.attempt) position = from.ordinal;
      }
      // A follower that comes after an attempt broke off reads the next one.
      const isMissed = live?.fate === 'broken' && position === 0;
      if (live === null || isMissed) return { attempt: null, events: [], next: 0, fate: null };
      const events: StreamEvent[] = [];
      let characters = 0;
      while (position < live.count && characters < maxCharacters) {
        const event = next(live);
        if (event === null) break;
        events.push(event);
        characters += event.data.length;
      }
      const { attempt } = live.source;
      return { attempt, events, next: position, fate: position >= live.count ? live.fate : null };
    },
  };
}
