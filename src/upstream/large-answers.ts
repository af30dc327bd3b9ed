import { extname } from 'node:path';
import type { Operation } from '../domain/operations.ts';
import { MAX_BLOB_BYTES } from '../domain/raw-json.ts';
import { createWorkerThread, toTransfer } from '../threads/worker-thread.ts';
import type { AnswerJob, AnswerReply, AnswerText } from './answer-thread.ts';
import { type Answer, classifyAnswer } from './classify.ts';
import type { Verdict } from './classify-answer.ts';

/** A larger answer is classified in a thread, because parsing it would hold up every other call of the worker. */
const LARGE_BYTES = 1024 * 1024;

/** An answer with its meaning. */
export interface Judged {
  readonly answer: Answer;
  readonly verdict: Verdict;
  /** Null = the answer is small. */
  readonly text: AnswerText | null;
}

/** Classifies answers of any size. */
export interface AnswerJudge {
  /** Classifies an answer. Its bytes must not be used any more, only those of the returned answer. */
  judge(operation: Operation, answer: Answer, nowMs: number): Promise<Judged>;
  /** Ends the thread. */
  close(): Promise<void>;
}

/** `.ts` in a clone, `.js` in the installed package. */
const ENTRY = new URL(`./answer-thread${extname(import.meta.url)}`, import.meta.url);

/** Creates the judge. Its thread starts with the first large answer. */
export function createAnswerJudge(): AnswerJudge {
  const thread = createWorkerThread<AnswerJob, AnswerReply>(ENTRY);
  return {
    async judge(operation, answer, nowMs) {
      const { status, headers } = answer;
      if (answer.bytes.byteLength <= LARGE_BYTES) {
        return { answer, verdict: classifyAnswer(operation, answer, nowMs), text: null };
      }
      const bytes = toTransfer(answer.bytes);
      const reply = await thread.run({ operation, status, headers: [...headers], bytes, nowMs }, [
        bytes.buffer,
      ]);
      if (reply === null) throw new Error('the thread for large answers has died');
      return { answer: { status, headers, bytes: reply.bytes }, verdict: reply.verdict, text: reply.text };
    },
    close: thread.close,
  };
}

/**
 * The parts of an answer as they arrive. A large one of a known length is put into one buffer from the start, because
 * joining the parts at the end would hold up everything else.
 */
export interface ReceivedParts {
  add(part: Uint8Array): void;
  /** All that has arrived. */
  bytes(): Uint8Array;
}

/** @param headers of the answer. Some upstreams announce a length and send another */
export function createReceivedParts(headers: Headers): ReceivedParts {
  const length = headers.has('content-encoding') ? NaN : Number(headers.get('content-length') ?? NaN);
  const isKnown = length > LARGE_BYTES && length <= MAX_BLOB_BYTES;
  const whole = isKnown ? Buffer.allocUnsafeSlow(length) : Buffer.alloc(0);
  const further: Uint8Array[] = [];
  let received = 0;
  return {
    add: (part) => {
      const fits = further.length === 0 && received + part.byteLength <= whole.byteLength;
      if (!fits) return void further.push(part);
      whole.set(part, received);
      received += part.byteLength;
    },
    bytes: () => {
      const begun = received === whole.byteLength ? whole : whole.subarray(0, received);
      const [only] = further;
      if (only === undefined) return begun;
      return begun.byteLength === 0 && further.length === 1 ? only : Buffer.concat([begun, ...further]);
    },
  };
}
