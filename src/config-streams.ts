import { z } from 'zod';

/** The variables of streams, for the schema of config.ts. */
export const StreamEnvironment = {
  REQRUN_STREAM_URL: z
    .url({ protocol: /^rediss?$/, error: 'must be a redis:// or rediss:// address' })
    .optional(),
  REQRUN_UPSTREAM_STREAM: z.enum(['0', '1'], { error: 'must be 0 or 1' }).default('0'),
  REQRUN_UPSTREAM_STREAM_USAGE: z.enum(['0', '1'], { error: 'must be 0 or 1' }).default('1'),
};

/** Their meaning, for the tables of docs/configuration.md. */
export const STREAM_VARIABLE_TEXTS = {
  REQRUN_STREAM_URL: {
    group: 'upstream',
    set: 'sometimes',
    meaning:
      'Redis that carries the events of streams from workers to APIs, as `rediss://user:password@host:6379`. The same for APIs and workers. Not needed where one process is both.',
    unset: 'none: callers get a stream as a whole, at its end',
  },
  REQRUN_UPSTREAM_STREAM: {
    group: 'upstream',
    set: 'sometimes',
    meaning:
      '1: every call to the service-wide upstream asks for its answer as a stream, so that a long silent call does not die in a proxy.',
  },
  REQRUN_UPSTREAM_STREAM_USAGE: {
    group: 'upstream',
    set: 'no need',
    meaning: '0: streamed calls to the service-wide upstream do not ask for `stream_options.include_usage`.',
  },
} as const;
