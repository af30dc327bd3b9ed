import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { RequestRecord } from '../../src/domain/record.ts';
import { until } from './until.ts';

export const Envelope = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** POSTs a JSON body to any path. */
export async function postTo(
  url: string,
  path: string,
  body: object | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return toAnswer(
    await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  );
}

/** POSTs a chat completion; `fields` go over a minimal body. A string is sent as it is. */
export async function post(
  url: string,
  fields: object | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const body =
    typeof fields === 'string'
      ? fields
      : JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...fields });
  return postTo(url, '/v1/chat/completions', body, headers);
}

export async function get(url: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return toAnswer(await fetch(url + path, { headers }));
}

/** POSTs one of a request's actions. */
export async function act(
  url: string,
  id: string,
  action: 'cancel' | 'retry',
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return toAnswer(
    await fetch(`${url}/v1/requests/${encodeURIComponent(id)}/${action}`, {
      method: 'POST',
      ...(body === undefined
        ? { headers }
        : { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    }),
  );
}

export async function remove(url: string, id: string, headers: Record<string, string> = {}): Promise<Answer> {
  return toAnswer(await fetch(`${url}/v1/requests/${encodeURIComponent(id)}`, { method: 'DELETE', headers }));
}

/** The record that an answer's body is. */
export function recordIn(answer: Answer): RequestRecord {
  return RequestRecord.parse(JSON.parse(answer.text));
}

export async function readRecord(url: string, id: string, query = ''): Promise<RequestRecord> {
  const answer = await get(url, `/v1/requests/${encodeURIComponent(id)}${query}`);
  if (answer.status !== 200) throw new Error(`GET answered ${answer.status}: ${answer.text}`);
  return RequestRecord.parse(JSON.parse(answer.text));
}

/** Waits for a record to be as `holds` says. */
export async function untilRecord(
  url: string,
  id: string,
  holds: (record: RequestRecord) => boolean,
  withinMs?: number,
): Promise<RequestRecord> {
  return until(() => readRecord(url, id), holds, withinMs);
}

export function errorOf(answer: Answer): z.infer<typeof Envelope>['error'] {
  return Envelope.parse(JSON.parse(answer.text)).error;
}

/** A name that no other test uses. */
export function unique(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}

async function toAnswer(response: Response): Promise<Answer> {
  return { status: response.status, headers: response.headers, text: await response.text() };
}
