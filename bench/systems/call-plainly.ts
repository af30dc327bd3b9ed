import { createHttpCaller } from '../load/http-call.ts';

export interface CallActivities {
  /** Sends a chat completion's body to the upstream and resolves to its answer. Both are JSON text. */
  callUpstream(body: string): Promise<string>;
}

/** Creates a bare upstream call: bytes out, bytes in. It rejects unless the status is 200. */
export function createPlainCall(upstreamURL: string): CallActivities['callUpstream'] {
  const { post } = createHttpCaller(`${upstreamURL}/chat/completions`);
  return async (body) => {
    const { status, text } = await post(Buffer.from(body));
    if (status !== 200) throw new Error(`the upstream answered ${status}`);
    return text;
  };
}
