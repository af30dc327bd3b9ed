import { ApplicationFailure } from '@temporalio/common';
import type { StoredStream } from '../src/domain/journal.ts';
import type { Operation } from '../src/domain/operations.ts';
import type { RequestOptions } from '../src/domain/options.ts';
import { createAssembly } from '../src/domain/streams/assembly.ts';
import { isStreamed } from '../src/domain/streams/stream-event.ts';
import type { StreamPublisher } from '../src/domain/streams/channel.ts';
import type { StreamedCall } from '../src/upstream/event-stream.ts';

/** An attempt whose answer comes as a stream. */
export interface AttemptStream {
  readonly call: StreamedCall;
  /** How the answer was cut into events, for the result. */
  stored(): StoredStream;
  /** Tells followers that the attempt has its result. */
  completed(): void;
  /** Tells followers that the attempt brought no result. */
  failed(error: unknown): void;
}

interface StreamingAttempt {
  readonly workflowId: string;
  readonly operation: Operation;
  /** Number in the attempt log. */
  readonly attempt: number;
  readonly options: RequestOptions;
}

/** Begins the stream of an attempt. Null for an operation that does not stream. */
export function streamAttempt(
  streams: StreamPublisher,
  { workflowId, operation, attempt, options }: StreamingAttempt,
): AttemptStream | null {
  if (!isStreamed(operation)) return null;
  const assembly = createAssembly(operation, attempt);
  const published = streams.begin(workflowId, { operation, attempt, assembly });
  const { first_event_timeout_seconds: first, silence_timeout_seconds: silence } = options;
  return {
    call: {
      assembly,
      forward: published.publish,
      firstEventMs: toMs(first),
      silenceMs: toMs(silence),
    },
    stored: () => ({ attempt, cuts: assembly.cuts }),
    completed: () => published.end('completed'),
    failed: (error) => published.end(isLast(error) ? 'last' : 'broken'),
  };
}

/** Whether the request ends with this failure. */
function isLast(error: unknown): boolean {
  return !(error instanceof ApplicationFailure) || error.nonRetryable === true;
}

/** Runs of 0.1.0 have no such option. */
function toMs(seconds: number | null | undefined): number | null {
  return seconds === null || seconds === undefined ? null : seconds * 1000;
}
