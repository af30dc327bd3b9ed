import { z } from 'zod';

/** Description of each contender of the row `crowd`, by its name in tables, files and options. */
export const CONTENDER_WORDS = {
  service: 'ReqRun, as `npm start` runs it',
  before: 'ReqRun of another checkout (`--before`)',
  sdk: 'the official SDK alone, 10 retries',
  'p-limit': 'the official SDK alone, 10 calls at once, its 2 retries',
  floor: 'one bare activity in a bare workflow',
} as const;

export type Contender = keyof typeof CONTENDER_WORDS;

export const isContender = (name: string): name is Contender => Object.hasOwn(CONTENDER_WORDS, name);

export const CONTENDERS: readonly Contender[] = Object.keys(CONTENDER_WORDS).filter(isContender);

/** Name and unit of each figure of a case. */
export const FIGURE_WORDS = {
  completed: 'completed',
  callsPerCompletion: 'calls per completion',
  refused: 'refused calls',
  timeAgainstIdeal: 'time / ideal',
  errors: 'errors',
  seconds: 'seconds',
  notCompleted: 'not completed',
  turnedAway: 'answers 503',
  unknownAttempts: 'attempts of unknown outcome',
  unknownOfWaiting: 'of them without an upstream call',
  slowDownSeconds: 'seconds to slow down',
  speedUpSeconds: 'seconds to speed up',
  turns: 'turns waited, at most',
  acceptedSeconds: 'seconds until all were accepted',
  early: 'answers 202',
  acceptedPerSecond: 'accepted a second',
  completedPerSecond: 'completed a second',
  acceptedAgainstCompleted: 'accepted / completed a second',
  memoryBeforeMiB: 'memory before (MiB)',
  memoryMostMiB: 'memory at most (MiB)',
  memoryGrowth: 'memory, second half / first half of the posts',
  addedP50Ms: 'added p50 (ms)',
  perSecond: 'requests a second',
} as const;

export type Figure = keyof typeof FIGURE_WORDS;

const figure = z.number().nullable();
const isFigure = (name: string): name is Figure => Object.hasOwn(FIGURE_WORDS, name);

/** One case, measured once with one contender. */
export const CrowdMeasure = z.object({
  case: z.string(),
  contender: z.string().refine(isContender),
  round: z.number(),
  date: z.string(),
  /** The commit of the measured checkout. Null = it is none. */
  commit: z.string().nullable(),
  /** Time after which the case was stopped. */
  capSeconds: z.number(),
  /** Null = there is no such figure, because the case did not end within its time. */
  figures: z.partialRecord(z.string().refine(isFigure), figure),
  firstError: z.string().nullable(),
  /** Calls that the upstream received in each second since the first POST, and how many of them it refused. */
  series: z.array(z.tuple([z.number(), z.number()])),
});
export type CrowdMeasure = z.infer<typeof CrowdMeasure>;

/** What a case itself finds out. The rest is the same for all. */
export type Found = Pick<CrowdMeasure, 'figures' | 'firstError' | 'series'>;
