import type { Load, LoadResult } from '../load/load.ts';

/** What each system is, by the name it has in tables, files and options. */
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

/** One system that runs, in a process tree of its own. */
export interface System {
  readonly name: SystemName;
  /** The root of its process tree; null where it has none, which is `direct`. */
  readonly pid: number | null;
  /** Puts a load on it and resolves when the last call has ended. @throws Error when the system dies */
  run(load: Load): Promise<LoadResult>;
  /** Ends the tree, by kill -9; what it kept stays. */
  stop(): Promise<void>;
}

/** Where a system keeps its files and listens; the same place again is a restart. */
export interface Place {
  readonly directory: string;
  readonly ports: readonly [number, number, number];
}

/** What every system is started with. */
export interface Surroundings {
  /** The upstream's, with `/v1`. */
  readonly upstreamURL: string;
  /** The Temporal CLI. */
  readonly temporalBinary: string;
  /** A file with the workflow code of `floor`. */
  readonly floorBundle: string;
}
