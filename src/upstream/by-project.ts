import { isDeepStrictEqual } from 'node:util';
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

/** An upstream as it is now. */
export interface FoundUpstream {
  /** The project whose own it is; null = the service's, for all projects that have none. */
  readonly owner: string | null;
  readonly settings: UpstreamSettings;
}

/**
 * The upstream of a project; `unusable` where the worker does not know the project, or cannot read its upstream's key
 * or headers.
 */
export type UpstreamLookUp = (request: RequestIdentity) => Promise<FoundUpstream | 'unusable'>;

/** The upstreams of all projects, as one. */
export interface ProjectUpstreams extends Pick<Upstream, 'close'> {
  complete(call: ProjectCall): Promise<UpstreamAnswer>;
}

export interface ProjectCall extends UpstreamCallInput {
  /** Whose request it is, which decides where it may go. */
  readonly request: RequestIdentity;
}

/** A connection pool, for as long as the settings stay the same or calls run on it. */
interface Pool {
  readonly settings: UpstreamSettings;
  readonly upstream: Upstream;
  calls: number;
}

/**
 * Sends each call to the upstream of its project, which its request names; never to another's. An operator
 * can put right what is missing, so that the call is tried again until the request's deadline.
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

  /** Calls that run on it go on. */
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
  failure: row({
    code: 'configuration_error',
    ...NOT_RUN,
    phase: Phase.connect,
    backoff: Backoff.overload,
  }),
};
