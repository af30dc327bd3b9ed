import { RequestRecord } from '../../src/domain/record.ts';
import { isBefore, type History, type SeenAnswer, type SeenCall } from './history.ts';

/** A record that a client read, and when. */
export interface SeenRecord {
  readonly answer: SeenAnswer;
  readonly record: RequestRecord;
}

/** The part of a history that is about one request, up to its deletion. */
export interface RequestHistory {
  readonly id: string;
  readonly answers: readonly SeenAnswer[];
  /** POSTs whose answer shows that the request was accepted. */
  readonly accepted: readonly SeenAnswer[];
  readonly records: readonly SeenRecord[];
  /** The last record read when all was quiet; null where there is none. */
  readonly final: RequestRecord | null;
  readonly calls: readonly SeenCall[];
  /** A delete was asked for: what follows belongs to another request of the same name. */
  readonly deleted: boolean;
  /** A retry by hand was asked for: a POST's answer may be of any run. */
  readonly retried: boolean;
}

/** Splits a history by request. A POST without a key and without an answer belongs to none. */
export function byRequest(history: History): RequestHistory[] {
  const ids = new Map<string, { answers: SeenAnswer[]; calls: SeenCall[] }>();
  const of = (id: string): { answers: SeenAnswer[]; calls: SeenCall[] } => {
    const found = ids.get(id) ?? { answers: [], calls: [] };
    ids.set(id, found);
    return found;
  };
  for (const answer of history.answers) {
    const id = answer.key ?? answer.id;
    if (id !== null) of(id).answers.push(answer);
  }
  for (const call of history.calls) of(call.id).calls.push(call);
  return [...ids].map(([id, { answers, calls }]) => toRequest(id, answers, calls, history.quietAtMs));
}

/** Whether a POST's answer says that the request was accepted: a result, a 202 or a recorded failure. */
export function isAcceptance({ operation, status, failureCode }: SeenAnswer): boolean {
  return operation === 'post' && (status === 200 || status === 202 || failureCode !== null);
}

function toRequest(
  id: string,
  all: readonly SeenAnswer[],
  calls: readonly SeenCall[],
  quietAtMs: number,
): RequestHistory {
  const deletion = all.find(({ operation }) => operation === 'delete') ?? null;
  const answers = deletion === null ? all : all.filter((answer) => isBefore(answer, deletion));
  const records = answers.flatMap((answer) => {
    const record = toRecord(answer);
    return record === null ? [] : [{ answer, record }];
  });
  const final = records.findLast(({ answer }) => answer.startedMs >= quietAtMs)?.record ?? null;
  return {
    id,
    answers,
    accepted: answers.filter(isAcceptance),
    records,
    final,
    calls,
    deleted: deletion !== null,
    retried: answers.some(({ operation }) => operation === 'retry'),
  };
}

function toRecord({ operation, status, text, isResponse }: SeenAnswer): RequestRecord | null {
  if (isResponse) return null;
  const shows =
    (operation === 'get' && status === 200) ||
    ((operation === 'cancel' || operation === 'retry') && status === 202);
  return shows ? RequestRecord.parse(JSON.parse(text)) : null;
}
