import { z } from 'zod';

/** A value that is sent in a header. */
export const visible = z.string().regex(/^[\x21-\x7e]+$/, 'must be visible ASCII without spaces');

/** The variables of `reqrun requests`: where a service is, and how to call it. */
export const ClientEnvironment = z.object({
  REQRUN_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .default('http://127.0.0.1:8080'),
  REQRUN_API_KEY: visible.optional(),
  REQRUN_SIGNING_SECRET: visible.optional(),
});

/** How `reqrun requests` calls a service. */
export interface ClientSettings {
  /** Address of the service. */
  readonly url: string;
  /** Null = the service has no API keys. */
  readonly apiKey: string | null;
  /** Null = calls are not signed. */
  readonly signingSecret: string | null;
}

/** The settings, or null and the faults of the variables, one line each and never with a value. */
interface ReadSettings {
  readonly settings: ClientSettings | null;
  readonly faults: readonly string[];
}

/**
 * Reads the settings of `reqrun requests`. An empty variable counts as unset.
 *
 * @param url the address from the command line, which takes precedence over REQRUN_URL. Undefined = none
 */
export function readClientSettings(
  env: Readonly<Record<string, string | undefined>>,
  url: string | undefined,
): ReadSettings {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = ClientEnvironment.safeParse({ ...set, ...(url === undefined ? {} : { REQRUN_URL: url }) });
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${String(path[0])} ${message}`);
    return { settings: null, faults };
  }
  const { REQRUN_URL, REQRUN_API_KEY = null, REQRUN_SIGNING_SECRET = null } = parsed.data;
  return {
    settings: { url: REQRUN_URL, apiKey: REQRUN_API_KEY, signingSecret: REQRUN_SIGNING_SECRET },
    faults: [],
  };
}
