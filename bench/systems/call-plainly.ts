import { createHttpCaller } from '../load/http-call.ts';

export interface CallActivities {
  /** The upstream's answer to a chat completion's body, both as JSON text. */
  callUpstream(body: string): Promise<string>;
}

/** The upstream call with nothing around it: bytes out, bytes in. Rejects unless it is answered with 200. */
export function createPlainCall(upstreamURL: string): CallActivities['callUpstream'] {
  const { post } = createHttpCaller(`${upstreamURL}/chat/completions`);
  return async (body) => {
    const { status, text } = await post(Buffer.from(body));
    if (status !== 200) throw new Error(`the upstream answered ${status}`);
    return text;
  };
}
