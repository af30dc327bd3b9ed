import type { FastifyReply, FastifyRequest } from 'fastify';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { createLimit, type Limit } from '../../domain/limit.ts';
import type { Project, ProjectLimits } from '../../domain/project.ts';
import { Refusal } from '../../domain/refusal.ts';
import { projectOf } from './authenticate.ts';

/** Keeps each project within its limits, in this process. */
export interface ProjectLimiter {
  /**
   * Counts a call that begins work, from now until its answer is over.
   *
   * @throws Refusal `too_many_in_flight` or `rate_limited`
   */
  admit(project: Project, reply: FastifyReply): Promise<void>;
  /** The project's places for callers that are held. */
  waiters(project: Project): Limit;
}

/** One project's counters, under the limits they were made for. */
interface Counters {
  readonly limits: ProjectLimits;
  readonly inFlight: Limit;
  readonly waiters: Limit;
  /** A window begins with its first call; null = no limit. */
  readonly rate: RateLimiterMemory | null;
}

const WINDOW_SECONDS = 60;

export function createProjectLimiter(): ProjectLimiter {
  const all = new Map<string, Counters>();

  /** They begin anew when an operator changes the limits. */
  function countersOf({ name, limits }: Project): Counters {
    const known = all.get(name);
    if (known !== undefined && isSame(known.limits, limits)) return known;
    const counters = createCounters(limits);
    all.set(name, counters);
    return counters;
  }

  return {
    async admit(project, reply) {
      const { inFlight, rate } = countersOf(project);
      const place = inFlight.take();
      if (place === null) throw new Refusal('too_many_in_flight', { retryAfterSeconds: 1 });
      reply.raw.once('close', () => place.leave());
      await rate?.consume(project.name).catch((refused: unknown) => {
        if (!(refused instanceof RateLimiterRes)) throw refused;
        const retryAfterSeconds = Math.max(1, Math.ceil(refused.msBeforeNext / 1000));
        throw new Refusal('rate_limited', { retryAfterSeconds });
      });
    },
    waiters: (project) => countersOf(project).waiters,
  };
}

function createCounters(limits: ProjectLimits): Counters {
  const { inFlight, waiters, requestsPerMinute } = limits;
  return {
    limits,
    inFlight: createLimit(inFlight ?? Infinity),
    waiters: createLimit(waiters ?? Infinity),
    rate:
      requestsPerMinute === null
        ? null
        : new RateLimiterMemory({ points: requestsPerMinute, duration: WINDOW_SECONDS }),
  };
}

function isSame(one: ProjectLimits, other: ProjectLimits): boolean {
  return (
    one === other ||
    (one.inFlight === other.inFlight &&
      one.waiters === other.waiters &&
      one.requestsPerMinute === other.requestsPerMinute)
  );
}

/** Hooks of a route whose calls begin work. */
export interface Admission {
  onRequest(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  preValidation(request: FastifyRequest, reply: FastifyReply): Promise<void>;
}

/**
 * Counts a call against its project's limits: before its body is read, or, where it must be signed, once the
 * signature was verified, so that a stolen key alone does not use the limits up.
 */
export function admittedBy(limiter: ProjectLimiter): Admission {
  return {
    onRequest: async (request, reply) => {
      if (request.signed === null) await limiter.admit(projectOf(request), reply);
    },
    preValidation: async (request, reply) => {
      if (request.signed !== null) await limiter.admit(projectOf(request), reply);
    },
  };
}
