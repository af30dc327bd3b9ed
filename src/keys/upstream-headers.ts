import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { explainJsonFault, readStrictJson } from '../domain/strict-json.ts';

/** The NAME of an environment variable. */
export const envName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of an environment variable');

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** Visible ASCII, with spaces and tabs inside. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]{0,8190}[\x21-\x7e])?$/;
const MAX_HEADERS = 50;

/** Headers that nobody sets for all calls of an upstream, each with the reason. */
const RESERVED: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:host|content-length|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|http2-settings|proxy-.*)$/,
    'it belongs to the connection, not to the call',
  ],
  [
    /^(?:content-(?:type|encoding)|accept|accept-encoding|range)$/,
    'it must agree with the body that is sent and the answer that can be read',
  ],
  [
    /^(?:x-client-request-id|idempotency-key|x-idempotency-key)$/,
    'it names one call, and a fixed value would make all calls the same',
  ],
  [/^x-stainless-/, 'it is the SDK’s; sdk_headers says whether those are sent'],
];

const HeaderSource = z
  .strictObject({
    /** The NAME of a variable in the worker's environment. */
    env: envName.optional(),
    /** A file on the worker's machine, read for each call. */
    file: z.string().min(1).optional(),
    /** The value itself; for what is no secret. */
    value: z.string().regex(HEADER_VALUE, 'must be visible ASCII').optional(),
  })
  .refine((source) => Object.keys(source).length === 1, { error: 'must have one of env, file and value' });

/** A header's name, and where its value is: never the value of a secret. */
export type HeaderSources = Readonly<Record<string, z.infer<typeof HeaderSource>>>;

/** Names are looked at first, and not repeated where they are none: one may be a secret in the wrong place. */
export const upstreamHeaders = z
  .record(z.string(), z.unknown())
  .superRefine((headers, context) => {
    const names = Object.keys(headers).map((name) => name.toLowerCase());
    if (names.length > MAX_HEADERS) context.addIssue(`must not have over ${MAX_HEADERS} headers`);
    if (!names.every((name) => HEADER_NAME.test(name)))
      context.addIssue('has a name that no header can have');
    if (new Set(names).size < names.length) context.addIssue('has a header twice, in different capitals');
    for (const [pattern, reason] of RESERVED) {
      for (const name of names.filter((candidate) => pattern.test(candidate))) {
        if (HEADER_NAME.test(name)) context.addIssue(`must not have ${name}: ${reason}`);
      }
    }
  })
  .pipe(z.record(z.string(), HeaderSource));

/** Whether an Authorization header is among them, which must not stand beside a key. */
export function setsAuthorization(headers: HeaderSources): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
}

/** What can be said of the headers of an upstream's calls, in the keys file and in the service-wide upstream's. */
export const UpstreamHeaders = z.strictObject({
  headers: upstreamHeaders.optional(),
  /** Whether the SDK's own `x-stainless-*` headers are sent. Default true. */
  sdk_headers: z.boolean().optional(),
});
export type UpstreamHeaders = z.infer<typeof UpstreamHeaders>;

/** The content of `REQRUN_UPSTREAM_HEADERS_FILE`, or its faults; never a value. */
export function parseUpstreamHeaders(text: string): UpstreamHeaders | { readonly faults: readonly string[] } {
  const json = readStrictJson(text);
  if ('fault' in json) return { faults: [explainJsonFault(json.fault)] };
  const parsed = UpstreamHeaders.safeParse(json.value);
  if (parsed.success) return parsed.data;
  return {
    faults: parsed.error.issues.map(({ path, message }) => `${path.map(String).join('.')} ${message}`.trim()),
  };
}

/** Values as they are now, by names in lower case. `unreadable`: the headers whose value is missing or no header's. */
export async function readHeaders(
  sources: HeaderSources,
  secretOf: (name: string) => string | null,
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly unreadable: readonly string[] }> {
  const read = await Promise.all(
    Object.entries(sources).map(async ([name, { env, file, value }]) => {
      if (value !== undefined) return { name, value };
      const text = file === undefined ? secretOf(env ?? '') : await readFile(file, 'utf8').catch(() => null);
      return { name, value: text?.trim() ?? '' };
    }),
  );
  const [good, bad] = [
    read.filter(({ value }) => HEADER_VALUE.test(value)),
    read.filter(({ value }) => !HEADER_VALUE.test(value)),
  ];
  return {
    headers: Object.fromEntries(good.map(({ name, value }) => [name.toLowerCase(), value])),
    unreadable: bad.map(({ name }) => name),
  };
}
