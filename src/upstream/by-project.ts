import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { NO_REPORT } from '../domain/lane.ts';
import type { RequestIdentity } from '../domain/run-contract.ts';
import type { UpstreamModels, UpstreamOwner } from '../domain/upstream-models.ts';
import { Phase } from '../domain/vocabulary.ts';
import {
  createUpstream,
  type Upstream,
  type UpstreamAnswer,
  type UpstreamCallInput,
  type UpstreamSettings,
} from './client.ts';
import { Backoff, NOT_RUN, row } from '../domain/upstream-failure.ts';

/** An upstream with its current settings. */
export interface FoundUpstream {
  /**
   * The project that this upstream is configured for; null = the service-wide upstream, used by all projects
   * without their own.
   */
  readonly owner: string | null;
  readonly settings: UpstreamSettings;
  /** Whether every call asks for its answer as a stream, so that no long silent call dies in a proxy. */
  readonly streams: boolean;
  /** Models that share one lane, by the name of the group. */
  readonly lanes: LaneGroups;
  /** The project's share of the turns in a lane, in relation to other projects. */
  readonly weight: number;
}

/** The models of each group. */
export type LaneGroups = Readonly<Record<string, readonly string[]>>;

/**
 * Finds the upstream of a request's project. `unusable`: the worker does not know the project, or cannot read
 * the key or the headers of its upstream.
 */
export type UpstreamLookUp = (request: UpstreamOwner) => Promise<FoundUpstream | 'unusable'>;

/** Calls the upstreams of all projects. */
export interface ProjectUpstreams extends Pick<Upstream, 'close'>, UpstreamModels {
  /** Finds the upstream of the request's project, with the settings of this moment. */
  find(request: RequestIdentity): Promise<RequestUpstream>;
}

/** The upstream of one request. */
export interface RequestUpstream {
  /** The lane of a call to this model. Null = the upstream is unusable, so no call goes out. */
  lane(model: string): LaneAddress | null;
  /** Whether every call asks for its answer as a stream. */
  readonly streams: boolean;
  /** Makes one call. It never rejects. */
  complete(call: UpstreamCallInput): Promise<UpstreamAnswer>;
}

/** Names a lane: one upstream key and one model, or a group of models. */
export interface LaneAddress {
  /** Names upstream and key without revealing either: a hash. */
  readonly account: string;
  /** The model, or the name of its group. */
  readonly model: string;
  readonly weight: number;
}

/** A connection pool. It is kept while its settings stay the same or calls run on it. */
interface Pool {
  readonly settings: UpstreamSettings;
  readonly upstream: Upstream;
  /** Names upstream and key without revealing either: a hash, made once because lanes need it for each call. */
  readonly account: string;
  calls: number;
}

/**
 * Sends each call to the upstream of the request's project, never to the upstream of another project. If that
 * upstream is unusable, the call is tried again until the request's deadline, because an operator can correct
 * the configuration.
 */
export function createProjectUpstreams(lookUp: UpstreamLookUp): ProjectUpstreams {
  const pools = new Map<string | null, Pool>();
  const retired = new Set<Pool>();

  function poolOf({ owner, settings }: FoundUpstream): Pool {
    const known = pools.get(owner);
    if (known !== undefined && isDeepStrictEqual(known.settings, settings)) return known;
    if (known !== undefined) retire(known);
    const pool = { settings, upstream: createUpstream(settings), account: accountOf(settings), calls: 0 };
    pools.set(owner, pool);
    return pool;
  }

  /** Takes a pool out of use. Calls that already run on it continue. */
  function retire(pool: Pool): void {
    retired.add(pool);
    closeIfIdle(pool);
  }

  function closeIfIdle(pool: Pool): void {
    if (pool.calls === 0 && retired.delete(pool)) void pool.upstream.close();
  }

  async function callOn<T>(pool: Pool, call: (upstream: Upstream) => Promise<T>): Promise<T> {
    pool.calls += 1;
    return call(pool.upstream).finally(() => {
      pool.calls -= 1;
      closeIfIdle(pool);
    });
  }

  return {
    async find(request) {
      const found = await lookUp(request);
      if (found === 'unusable') return { lane: () => null, streams: false, complete: async () => UNUSABLE };
      return {
        lane: (model) => ({
          account: poolOf(found).account,
          model: groupOf(found, model),
          weight: found.weight,
        }),
        streams: found.streams,
        complete: (call) => callOn(poolOf(found), (upstream) => upstream.complete(call)),
      };
    },
    async models(of, model, signal) {
      const found = await lookUp(of);
      if (found === 'unusable') return UNUSABLE;
      return callOn(poolOf(found), (upstream) => upstream.models(model, signal));
    },
    close: async () => {
      await Promise.all([...pools.values(), ...retired].map(({ upstream }) => upstream.close()));
    },
  };
}

function accountOf({ baseURL, apiKey, headers = {} }: UpstreamSettings): string {
  // Headers may carry the key. Those that do not are the same for all calls of the upstream.
  return createHash('sha256')
    .update(JSON.stringify([baseURL, apiKey, headers]))
    .digest('hex');
}

function groupOf({ lanes }: FoundUpstream, model: string): string {
  const [group] = Object.entries(lanes).find(([, models]) => models.includes(model)) ?? [model];
  return group;
}

const UNUSABLE: Extract<UpstreamAnswer, { readonly kind: 'failed' }> = {
  kind: 'failed',
  limits: NO_REPORT,
  stream: null,
  failure: row({
    code: 'configuration_error',
    ...NOT_RUN,
    phase: Phase.connect,
    backoff: Backoff.overload,
  }),
};
