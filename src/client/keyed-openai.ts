import OpenAI from 'openai';

type FinalOptions = Parameters<OpenAI['request']>[0] extends infer Options ? Awaited<Options> : never;

/**
 * The official client, sending one idempotency key per call and the same one with its own retries, so that
 * these never run the work twice. A key given in the body is the call's key.
 */
export class KeyedOpenAI extends OpenAI {
  // The base class has this hook and leaves it unset.
  protected override idempotencyHeader = 'Idempotency-Key';

  protected override async prepareOptions(options: FinalOptions): Promise<void> {
    await super.prepareOptions(options);
    const { body } = options;
    if (typeof body !== 'object' || body === null || !('idempotency_key' in body)) return;
    if (typeof body.idempotency_key === 'string') options.idempotencyKey = body.idempotency_key;
  }
}
