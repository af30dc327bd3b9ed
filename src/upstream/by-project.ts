import { isDeepStrictEqual } from 'node:util';
import { NO_REPORT } from '../domain/lane.ts';
import type { RequestIdentity } from '../domain/run-contract.ts';
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
}

/**
 * Finds the upstream of a request's project. `unusable`: the worker does not know the project, or cannot read
 * the key or the headers of its upstream.
 */
export type UpstreamLookUp = (request: RequestIdentity) => Promise<FoundUpstream | 'unusable'>;

/** Calls the upstreams of all projects. */
export interface ProjectUpstreams extends Pick<Upstream, 'close'> {
  complete(call: ProjectCall): Promise<UpstreamAnswer>;
}

export interface ProjectCall extends UpstreamCallInput {
  /** The request that the call is for. Its project decides which upstream is called. */
  readonly request: RequestIdentity;
}

/** A connection pool. It is kept while its settings stay the same or calls run on it. */
interface Pool {
  readonly settings: UpstreamSettings;
  readonly upstream: Upstream;
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
    const pool = { settings, upstream: createUpstream(settings), calls: 0 };
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

  async function callOn(pool: Pool, call: UpstreamCallInput): Promise<UpstreamAnswer> {
    pool.calls += 1;
    return pool.upstream.complete(call).finally(() => {
      pool.calls -= 1;
      closeIfIdle(pool);
    });
  }

  return {
    async complete(call) {
      const found = await lookUp(call.request);
      return found === 'unusable' ? UNUSABLE : callOn(poolOf(found), call);
    },
    close: async () => {
      await Promise.all([...pools.values(), ...retired].map(({ upstream }) => upstream.close()));
    },
  };
}

const UNUSABLE: UpstreamAnswer = {
  kind: 'failed',
  limits: NO_REPORT,
  failure: row({
    code: 'configuration_error',
    ...NOT_RUN,
    phase: Phase.connect,
    backoff: Backoff.overload,
  }),
};
