import type { FastifyReply, FastifyRequest } from 'fastify';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { createLimit, type Limit } from '../../domain/limit.ts';
import type { Project, ProjectLimits } from '../../domain/project.ts';
import { Refusal } from '../../domain/refusal.ts';
import { projectOf } from './authenticate.ts';

/** Enforces the limits of each project, per process. */
export interface ProjectLimiter {
  /**
   * Counts a call that starts work. It counts as in flight until its answer has been sent or its connection
   * closes.
   *
   * @throws Refusal `too_many_in_flight` or `rate_limited`
   */
  admit(project: Project, reply: FastifyReply): Promise<void>;
  /** The project's limit on callers that wait at once. */
  waiters(project: Project): Limit;
}

/** The counters of one project, with the limits that they were created for. */
interface Counters {
  readonly limits: ProjectLimits;
  readonly inFlight: Limit;
  readonly waiters: Limit;
  /** The rate limit. Its window starts with the first call in it. Null = no limit. */
  readonly rate: RateLimiterMemory | null;
}

const WINDOW_SECONDS = 60;

export function createProjectLimiter(): ProjectLimiter {
  const all = new Map<string, Counters>();

  /** Returns the counters of a project. They start at zero again when an operator changes its limits. */
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

/** Fastify hooks of a route whose calls start work. */
export interface Admission {
  onRequest(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  preValidation(request: FastifyRequest, reply: FastifyReply): Promise<void>;
}

/** A check of the head of a request. Throws the refusal. */
type AdmissionStep = (request: FastifyRequest, reply: FastifyReply) => void;

/**
 * Counts a call against the limits of its project. An unsigned call is counted before its body is read. A
 * call that must be signed is counted after its signature was verified, so that a stolen API key alone cannot
 * use up the limits.
 *
 * @param first comes before that. A call that it refuses is not counted
 */
export function admittedBy(limiter: ProjectLimiter, first: AdmissionStep = () => undefined): Admission {
  return {
    onRequest: async (request, reply) => {
      first(request, reply);
      if (request.signed === null) await limiter.admit(projectOf(request), reply);
    },
    preValidation: async (request, reply) => {
      if (request.signed !== null) await limiter.admit(projectOf(request), reply);
    },
  };
}
