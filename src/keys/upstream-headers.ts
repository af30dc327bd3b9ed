import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { explainJsonFault, readStrictJson } from '../domain/strict-json.ts';

/** The name of an environment variable, not its value. */
export const envName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of an environment variable');

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** Visible ASCII. Spaces and tabs are allowed except at both ends. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]{0,8190}[\x21-\x7e])?$/;
const MAX_HEADERS = 50;

/** Headers that cannot have one fixed value for all calls of an upstream, each with the reason. */
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
  [/^x-stainless-/, 'it is set by the SDK; sdk_headers controls whether it is sent'],
];

const HeaderSource = z
  .strictObject({
    /** The name of a variable in the worker's environment. */
    env: envName.optional(),
    /** The path of a file on the worker's machine. It is read for each call. */
    file: z.string().min(1).optional(),
    /** The value itself, for values that are not secret. */
    value: z.string().regex(HEADER_VALUE, 'must be visible ASCII').optional(),
  })
  .refine((source) => Object.keys(source).length === 1, { error: 'must have one of env, file and value' });

/** Header names, and where the value of each is found. A secret value is never in it. */
export type HeaderSources = Readonly<Record<string, z.infer<typeof HeaderSource>>>;

/**
 * Header names are validated before their sources. An invalid name is not repeated in the fault, because it
 * may be a misplaced secret.
 */
export const upstreamHeaders = z
  .record(z.string(), z.unknown())
  .superRefine((headers, context) => {
    const names = Object.keys(headers).map((name) => name.toLowerCase());
    if (names.length > MAX_HEADERS) context.addIssue(`must not have over ${MAX_HEADERS} headers`);
    if (!names.every((name) => HEADER_NAME.test(name))) context.addIssue('has an invalid header name');
    if (new Set(names).size < names.length) context.addIssue('names a header twice, with different capitals');
    for (const [pattern, reason] of RESERVED) {
      for (const name of names.filter((candidate) => pattern.test(candidate))) {
        if (HEADER_NAME.test(name)) context.addIssue(`must not have ${name}: ${reason}`);
      }
    }
  })
  .pipe(z.record(z.string(), HeaderSource));

/** Whether the headers include Authorization. It must not be combined with an API key. */
export function setsAuthorization(headers: HeaderSources): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
}

/** The header settings of an upstream: of a project's in the keys file, or of the service-wide one. */
export const UpstreamHeaders = z.strictObject({
  headers: upstreamHeaders.optional(),
  /** Whether the SDK's own `x-stainless-*` headers are sent. Default true. */
  sdk_headers: z.boolean().optional(),
});
export type UpstreamHeaders = z.infer<typeof UpstreamHeaders>;

/**
 * Parses the content of `REQRUN_UPSTREAM_HEADERS_FILE`. Returns its faults when it is not valid; they contain
 * no value.
 */
export function parseUpstreamHeaders(text: string): UpstreamHeaders | { readonly faults: readonly string[] } {
  const json = readStrictJson(text);
  if ('fault' in json) return { faults: [explainJsonFault(json.fault)] };
  const parsed = UpstreamHeaders.safeParse(json.value);
  if (parsed.success) return parsed.data;
  return {
    faults: parsed.error.issues.map(({ path, message }) => `${path.map(String).join('.')} ${message}`.trim()),
  };
}

/**
 * Reads the current header values. `headers` is keyed by lower-case names. `unreadable` lists the headers
 * whose value is missing or not a valid header value.
 */
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
