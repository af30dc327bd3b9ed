import type { Load, LoadResult } from '../load/load.ts';

/** Description of each system, by its name in tables, files and options. */
export const SYSTEM_WORDS = {
  direct: 'the upstream itself',
  plain: 'Fastify and the openai SDK, nothing durable',
  floor: 'one bare activity in a bare workflow, called in its process, all eager',
  naive: "Temporal's SDK with its defaults on a plain dev server, called in its process",
  service: 'ReqRun, as `npm start` runs it',
  restate: 'Restate: one handler, the same call',
} as const;

export type SystemName = keyof typeof SYSTEM_WORDS;

export const isSystemName = (name: string): name is SystemName => Object.hasOwn(SYSTEM_WORDS, name);

export const SYSTEMS: readonly SystemName[] = Object.keys(SYSTEM_WORDS).filter(isSystemName);

/** A running system in its own process tree. */
export interface System {
  readonly name: SystemName;
  /** Root of its process tree. Null = it has none, as `direct`. */
  readonly pid: number | null;
  /**
   * Runs a load on the system. Resolves when the last call has ended.
   *
   * @throws Error if the system dies
   */
  run(load: Load): Promise<LoadResult>;
  /** Ends the process tree with kill -9. Its stored state stays. */
  stop(): Promise<void>;
}

/** Where a system stores its files and listens. A second start at the same place is a restart. */
export interface Place {
  readonly directory: string;
  readonly ports: readonly [number, number, number];
}

/** Settings that every system is started with. */
export interface Surroundings {
  /** The upstream's URL, with `/v1`. */
  readonly upstreamURL: string;
  /** Path of the Temporal CLI. */
  readonly temporalBinary: string;
  /** Path of the file with the workflow code of `floor`. */
  readonly floorBundle: string;
}
