/** The thread that classifies large answers. It is started by large-answers.ts and has no other entry. */
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { isStrictJson } from '../domain/lenient-json.ts';
import type { Operation } from '../domain/operations.ts';
import type { Numbered } from '../threads/worker-thread.ts';
import { classifyAnswer } from './classify.ts';
import type { Verdict } from './classify-answer.ts';

/** An answer to be classified. */
export interface AnswerJob {
  readonly operation: Operation;
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Unix ms. */
  readonly nowMs: number;
}

/** What storing a completed answer needs to know of it. */
export interface AnswerText {
  /** SHA-256 in hex. */
  readonly sha256: string;
  /** True if a strict JSON parser refuses it. */
  readonly lenient: boolean;
}

export interface AnswerReply {
  readonly verdict: Verdict;
  /** The bytes of the job, handed back. */
  readonly bytes: Uint8Array;
  readonly text: AnswerText;
}

const port = parentPort;
port?.on('message', ({ id, message }: Numbered<AnswerJob>) => {
  const { operation, status, bytes, nowMs } = message;
  const headers = new Headers(message.headers.map(([name, value]): [string, string] => [name, value]));
  const verdict = classifyAnswer(operation, { status, headers, bytes }, nowMs);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const text = { sha256, lenient: !isStrictJson(bytes) };
  const reply: Numbered<AnswerReply> = { id, message: { verdict, bytes, text } };
  port.postMessage(reply, [bytes.buffer]);
});
