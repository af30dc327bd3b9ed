import type { FastifyReply, FastifyRequest } from 'fastify';
import { projectOf } from './authentication.ts';
import type { ProjectLimiter } from './project-limits.ts';

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
