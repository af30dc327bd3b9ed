import { z } from 'zod';
import { RequestStatus } from '../../src/domain/vocabulary.ts';
import type { SeenAnswer } from './history.ts';

const Shown = z.looseObject({ id: z.string(), status: z.string(), error: z.unknown() });

/** A Response that a client was shown, in ReqRun's words. */
export interface SeenResponse {
  readonly id: string;
  readonly status: RequestStatus;
  readonly error: unknown;
  /** Of a finished one: what must be the same for every reader. Null = not finished. */
  readonly result: string | null;
}

const STATUS: Readonly<Record<string, RequestStatus>> = {
  queued: RequestStatus.queued,
  in_progress: RequestStatus.processing,
  completed: RequestStatus.completed,
  incomplete: RequestStatus.completed,
  failed: RequestStatus.failed,
  cancelled: RequestStatus.cancelled,
};

/** The Response in an answer; null where the answer shows none. */
export function responseIn({ isResponse, status, text }: SeenAnswer): SeenResponse | null {
  if (!isResponse || (status !== 200 && status !== 202)) return null;
  const { id, status: word, error } = Shown.parse(JSON.parse(text));
  const known = STATUS[word];
  if (known === undefined) throw new Error(`a Response has the status ${word}`);
  return { id, status: known, error, result: known === RequestStatus.completed ? text : null };
}

/** A result without the members that a Response shows as its caller knows them. */
export function comparable(result: unknown): string {
  const parsed = z.looseObject({}).parse(result);
  const { id: _id, background: _background, previous_response_id: _previous, ...rest } = parsed;
  return JSON.stringify(rest);
}
