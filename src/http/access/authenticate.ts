import type { FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { DEFAULT_PROJECT, plainProject, type Project } from '../../domain/project.ts';
import { Refusal } from '../../domain/refusal.ts';
import { isCrossOrigin, isAllowedHost } from './browser-guard.ts';
import type { Signatures, SignedRequest } from './request-signatures.ts';
import { singleHeader } from './single-header.ts';
import type { Access, App } from '../app-types.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The project of the API key. Null where no authentication took place: on public routes and unknown
     * paths.
     */
    project: Project | null;
    /** The signature that is still to be verified. Null when the key requires none. */
    signed: SignedRequest | null;
  }
  interface FastifyContextConfig {
    /** Answered without authentication. Such an answer contains nothing about any project. */
    isPublic?: boolean;
  }
}

const NO_BODY = new Uint8Array();
/** The project of every request to an open service. It has no keys that could distinguish projects. */
const OPEN = plainProject(DEFAULT_PROJECT);

/** Authenticates the caller before anything else of the request is processed. */
export function authenticate(app: App, access: Access, signatures: Signatures): void {
  app.decorateRequest('project', null);
  app.decorateRequest('signed', null);
  app.addHook('onRequest', async (request) => {
    if (request.is404 || request.routeOptions.config.isPublic === true) return;
    if (access.kind === 'open') {
      const { headers } = request.raw;
      if (access.hosts !== null && !isAllowedHost(headers.host, access.hosts)) {
        throw new Refusal('host_not_allowed');
      }
      if (isCrossOrigin(headers)) throw new Refusal('origin_not_allowed');
      request.project = OPEN;
      return;
    }
    const holder = access.holderOf(readKey(request.raw));
    if (holder === null) throw new Refusal('invalid_api_key');
    request.project = holder.project;
    request.signed = signatures.of(request.raw, holder);
  });
  // Where there is a body, its signature was verified before it was parsed.
  app.addHook('preValidation', async ({ signed }) => signed?.verifyUnlessDone(NO_BODY));
}

/** The project of an authenticated request. */
export function projectOf({ project }: Pick<FastifyRequest, 'project'>): Project {
  if (project === null) throw new TypeError('the request was not authenticated');
  return project;
}

/**
 * The API key of the Authorization header.
 *
 * @throws Refusal `missing_api_key`, `invalid_authorization_scheme` or `duplicate_header`
 */
function readKey(request: IncomingMessage): string {
  const header = singleHeader(request, 'Authorization') ?? '';
  if (header === '') throw new Refusal('missing_api_key');
  const [, scheme, key = ''] = /^(\S+)(?: +(.*))?$/.exec(header) ?? [];
  if (scheme?.toLowerCase() !== 'bearer') throw new Refusal('invalid_authorization_scheme');
  if (key === '') throw new Refusal('missing_api_key');
  return key;
}
