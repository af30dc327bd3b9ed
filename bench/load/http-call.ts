import { Pool } from 'undici';
import type { Call } from './load.ts';

/** The answer to a call over HTTP. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** Client that POSTs to one path of one server. It uses as many connections as there are concurrent calls. */
export interface HttpCaller {
  post(body: Buffer, headers?: Record<string, string>): Promise<HttpAnswer>;
  get(path: string): Promise<HttpAnswer>;
  /** POSTs and rejects unless the status is 200. */
  readonly call: Call;
  close(): Promise<void>;
}

/**
 * @param url target of the POSTs
 * @param headers sent with each POST
 */
export function createHttpCaller(url: string, headers: Record<string, string> = {}): HttpCaller {
  const { origin, pathname: path } = new URL(url);
  // No timeouts, because a held caller waits for minutes.
  const pool = new Pool(origin, { connections: null, headersTimeout: 0, bodyTimeout: 0 });
  const post: HttpCaller['post'] = async (body, more = {}) => {
    const { statusCode, body: answer } = await pool.request({
      method: 'POST',
      path,
      body,
      headers: { 'content-type': 'application/json', ...headers, ...more },
    });
    return { status: statusCode, text: await answer.text() };
  };
  return {
    post,
    get: async (from) => {
      const { statusCode, body } = await pool.request({ method: 'GET', path: from });
      return { status: statusCode, text: await body.text() };
    },
    call: async (body) => {
      const { status, text } = await post(body);
      if (status !== 200) throw new Error(`${status} ${text.slice(0, 200)}`);
    },
    close: () => pool.destroy(),
  };
}
