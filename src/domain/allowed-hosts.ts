import { z } from 'zod';

/** A name or an address, no port; an IPv6 address in brackets, as in a Host header. */
const HOST_NAME = /^(?:\*|[a-z0-9._-]+|\[[0-9a-f:.]+\])$/;

/** Names with commas between, in lower case; null = any, which is written `*`. */
export const allowedHosts = z
  .string()
  .default('')
  .transform((text) =>
    text
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  )
  .refine((names) => names.every((name) => HOST_NAME.test(name)), 'must be names without ports, or *')
  .transform((names): readonly string[] | null => (names.includes('*') ? null : names));
