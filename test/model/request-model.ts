import { expect } from 'vitest';
import { RequestRecord } from '../../src/domain/record.ts';
import type { RequestStatus } from '../../src/domain/vocabulary.ts';
import type { SeenAnswer } from '../history/history.ts';

/** What the model knows of one request; the rest it leaves open. */
export interface KnownRequest {
  /** Of its first POST: what the upstream does, and which body was sent. */
  readonly script: string;
  readonly sent: string;
  run: number;
  /** Null = it was not seen terminal; it may be by now. */
  terminal: RequestStatus | null;
  /** A cancellation was accepted in this run: it cannot fail any more. */
  cancelled: boolean;
}

/** Per key; a key that is missing is free. */
export type Model = Map<string, KnownRequest | 'being deleted'>;

/** Takes from a record what it tells, and checks that it may tell that. */
export function learn(known: KnownRequest, record: RequestRecord): void {
  expect(record.run).toBe(known.run);
  learnStatus(known, record.terminal ? record.status : null);
}

/** @param status null where the answer showed a request that is not terminal */
export function learnStatus(known: KnownRequest, status: RequestStatus | null): void {
  if (known.terminal !== null) expect(status).toBe(known.terminal);
  if (status !== null && known.cancelled) expect(['cancelled', 'completed']).toContain(status);
  known.terminal = status;
}

/** The record in an answer. */
export function recordIn(answer: SeenAnswer): RequestRecord {
  return RequestRecord.parse(JSON.parse(answer.text));
}

/** Status and code in one, such as `409 request_not_terminal`; the status alone where there is no error. */
export function told({ status, text }: SeenAnswer): string {
  const code = /"code":"([a-z_]+)"/.exec(text)?.[1];
  return status !== null && status >= 400 ? `${status} ${code ?? ''}` : String(status);
}
