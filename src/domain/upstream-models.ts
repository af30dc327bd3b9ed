import type { RequestIdentity } from './run-contract.ts';
import type { UpstreamFailure } from './upstream-failure.ts';

/** The part of a request's identity that decides which upstream its calls go to. */
export type UpstreamOwner = Pick<RequestIdentity, 'project' | 'is_keyed'>;

/** What an upstream answered when it was asked for its models. */
export type ModelsAnswer =
  | {
      readonly kind: 'answered';
      /** A JSON object, as the upstream sent it. */
      readonly bytes: Uint8Array;
      readonly json: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'failed'; readonly failure: UpstreamFailure };

/** The models of a project's upstream, as the HTTP side asks for them. Nothing is stored, and nothing is repeated. */
export interface UpstreamModels {
  /**
   * Asks the upstream of a project once. Never rejects.
   *
   * @param of the project that the caller's API key names, or that of an open service
   * @param model null = the list of all models
   * @param signal ends the call
   */
  models(of: UpstreamOwner, model: string | null, signal: AbortSignal): Promise<ModelsAnswer>;
}
