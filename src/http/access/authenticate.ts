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
    /** Whose request it is; null where nobody was asked: on public routes and unknown paths. */
    project: Project | null;
    /** What is left to verify of a request that must be signed; null where it need not be. */
    signed: SignedRequest | null;
  }
  interface FastifyContextConfig {
    /** Answered to everyone: it tells nothing of any project. */
    isPublic?: boolean;
  }
}

const NO_BODY = new Uint8Array();
/** Of an open service; it has no keys that could tell projects apart. */
const OPEN = plainProject(DEFAULT_PROJECT);

/** Lets in who may call, before anything else of the request is looked at. */
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
  // A body was verified before it was parsed.
  app.addHook('preValidation', async ({ signed }) => signed?.verifyUnlessDone(NO_BODY));
}

/** The project of a request that was let in. */
export function projectOf({ project }: Pick<FastifyRequest, 'project'>): Project {
  if (project === null) throw new TypeError('nobody was asked whose request it is');
  return project;
}

/** @throws Refusal where no key was sent, or more than one */
function readKey(request: IncomingMessage): string {
  const header = singleHeader(request, 'Authorization') ?? '';
  if (header === '') throw new Refusal('missing_api_key');
  const [, scheme, key = ''] = /^(\S+)(?: +(.*))?$/.exec(header) ?? [];
  if (scheme?.toLowerCase() !== 'bearer') throw new Refusal('invalid_authorization_scheme');
  if (key === '') throw new Refusal('missing_api_key');
  return key;
}
