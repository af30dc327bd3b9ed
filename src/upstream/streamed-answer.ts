import type { Operation } from '../domain/operations.ts';
import { editMembers, type MemberEdit } from '../domain/json-members.ts';
import { isObject } from '../domain/raw-json.ts';
import type { Assembly } from '../domain/streams/assembly.ts';
import { LOST, Retry, row, UNREADABLE, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { Phase } from '../domain/vocabulary.ts';
import { type Answer, classifyAnswer } from './classify.ts';
import type { Verdict } from './classify-answer.ts';
import { classifyStreamError, classifyUnfinished } from './classify-event-stream.ts';
import { readErrorBody } from './error-body.ts';
import { requestIdOf } from './error-object.ts';
import { readEventStream, type StreamedCall, type StreamEnd, type StreamWatch } from './event-stream.ts';
import type { EndedResponse } from './follow-response.ts';

/** What streamed calls to one upstream ask for. Each call has its own, because others change it meanwhile. */
export interface StreamedBodies {
  forCall(): StreamedBody;
}

/** What one streamed call asks for. */
export interface StreamedBody {
  /** The body with `stream: true`, and with the wish for usage where the upstream knows it. */
  of(operation: Operation, body: Uint8Array): Uint8Array;
  /**
   * What follows from the failed call. A 400 or 422 that names `stream_options` turns the wish for usage off for later
   * calls, and lets this one be made again without it.
   */
  judge(failure: UpstreamFailure, answer: Answer): UpstreamFailure;
}

/** @param asksForUsage whether to ask the upstream to report usage at the end of a stream */
export function createStreamedBodies(asksForUsage: boolean): StreamedBodies {
  let asksFromNow = asksForUsage;
  const bodyThat = (asks: boolean): StreamedBody => ({
    of: (operation, body) =>
      editMembers(body, {
        stream: { json: 'true', adds: true },
        // A Response reports its usage in any case.
        ...(asks && operation !== 'responses' ? { stream_options: WITH_USAGE } : {}),
      }),
    judge(failure, { status, bytes }) {
      if (!asks || (status !== 400 && status !== 422)) return failure;
      const { text, plainText, words } = readErrorBody(bytes);
      const names = `${words.upstreamParam ?? ''} ${text} ${plainText}`;
      if (!names.includes('stream_options') && !names.includes('include_usage')) return failure;
      asksFromNow = false;
      return { ...failure, retry: Retry.twice };
    },
  });
  return { forCall: () => bodyThat(asksFromNow) };
}

const WITH_USAGE: MemberEdit = {
  adds: true,
  json: (present) => {
    const options: unknown = JSON.parse(present);
    // Options of another type are the caller's fault, and the upstream's answer says so.
    if (options !== null && !isObject(options)) return present;
    return JSON.stringify({ ...options, include_usage: true });
  },
};

/**
 * Reads the event stream that a call asked for, and classifies what it brought.
 *
 * @throws the error of the connection, if the stream breaks off before its answer is whole
 */
export async function readStreamedAnswer(
  operation: Operation,
  { status, headers }: Pick<Answer, 'status' | 'headers'>,
  body: AsyncIterable<Uint8Array>,
  stream: StreamedCall,
  watch: StreamWatch,
): Promise<EndedResponse> {
  const end = await readEventStream(body, stream, watch);
  const answer = { status, headers, bytes: stream.assembly.bytes() };
  return { answer, verdict: classifyStream(operation, answer, end, stream.assembly, Date.now()) };
}

/** Classifies an event stream that was read to its end: rows 20, 21 and 21b, and a whole answer as any other. */
function classifyStream(
  operation: Operation,
  answer: Answer,
  end: StreamEnd,
  assembly: Assembly,
  nowMs: number,
): Exclude<Verdict, { readonly kind: 'under way' }> {
  const { status, headers } = answer;
  const inStream = (failure: UpstreamFailure): Exclude<Verdict, { readonly kind: 'under way' }> => ({
    kind: 'failed',
    failure: {
      ...failure,
      phase: Phase.stream,
      upstreamStatus: status,
      upstreamRequestId: requestIdOf(headers),
    },
  });
  if (end.kind === 'error') {
    return inStream(classifyStreamError(end.event, assembly.hasContent, headers, nowMs));
  }
  if (end.kind === 'unreadable') {
    return inStream(row({ ...UNREADABLE, detail: 'an event stream with malformed JSON' }));
  }
  if (!assembly.isFinished) return inStream(classifyUnfinished(end.hasEvents));
  const verdict = classifyAnswer(operation, answer, nowMs);
  if (verdict.kind !== 'under way') return verdict;
  return inStream(row({ code: 'upstream_stream_truncated', ...LOST }));
}
