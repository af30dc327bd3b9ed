import { RequestOptions } from '../../src/domain/options.ts';
import type { RequestRecord } from '../../src/domain/record.ts';
import type { History, SeenAnswer, SeenCall } from './history.ts';

const AT = '2026-11-23T10:00:00.000Z';
type Attempt = RequestRecord['attempt_log'][number];

/** An attempt of a record; interrupted and unknown unless told otherwise. */
export function attempt(number: number, fields: Partial<Attempt> = {}): Attempt {
  return {
    number,
    status: 'interrupted',
    outcome: 'unknown',
    billed: 'maybe',
    phase: null,
    started_at: AT,
    finished_at: AT,
    duration_ms: 1,
    upstream_status: null,
    upstream_request_id: null,
    error_code: 'attempt_interrupted',
    retry_after_ms: null,
    ...fields,
  };
}

const SUCCEEDED: Partial<Attempt> = { status: 'succeeded', outcome: 'completed', error_code: null };

/** A completed record whose first attempt was interrupted. */
export function record(id: string, fields: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id,
    object: 'request',
    status: 'completed',
    terminal: true,
    cancel_requested: false,
    operation: 'chat.completions',
    model: 'm',
    run: 1,
    previous_run_id: null,
    attempts: 2,
    max_attempts: null,
    waiting_for: null,
    waiting_reason: null,
    options: RequestOptions.parse({}),
    created_at: AT,
    updated_at: AT,
    completed_at: AT,
    deadline_at: AT,
    next_attempt_at: null,
    expires_at: AT,
    last_error_code: null,
    error: null,
    unknown_attempts: 1,
    possible_duplicate: true,
    usage: null,
    upstream_response_id: null,
    attempt_log: [attempt(1), attempt(2, SUCCEEDED)],
    temporal: { namespace: 'default', workflow_id: id, run_id: 'r', url: null },
    result: { content: 'a' },
    ...fields,
  };
}

/** The record while its first attempt runs. */
export function processing(id: string, fields: Partial<RequestRecord> = {}): RequestRecord {
  return record(id, {
    status: 'processing',
    terminal: false,
    attempts: 1,
    unknown_attempts: 0,
    possible_duplicate: false,
    attempt_log: [attempt(1, { status: 'running', outcome: null })],
    result: null,
    ...fields,
  });
}

/** An answer that begins at a millisecond and takes 5. */
export function answerAt(startedMs: number, fields: Partial<SeenAnswer>): SeenAnswer {
  return {
    operation: 'get',
    isResponse: false,
    key: 'k',
    sent: null,
    startedMs,
    endedMs: startedMs + 5,
    status: 200,
    text: '',
    id: 'k',
    replayed: false,
    failureCode: null,
    ...fields,
  };
}

export function accepted(status: string, attempts: number): Partial<SeenAnswer> {
  return { operation: 'post', sent: 'a', status: 202, text: JSON.stringify({ id: 'k', status, attempts }) };
}

export function shows(seen: RequestRecord): Partial<SeenAnswer> {
  return { text: JSON.stringify(seen) };
}

/** A Response, as a POST or a GET shows it. */
export function showsResponse(status: string, fields: object = {}): Partial<SeenAnswer> {
  return { isResponse: true, text: JSON.stringify({ id: 'k', status, error: null, ...fields }) };
}

export function refusal(status: number, code: string): Partial<SeenAnswer> {
  return { status, text: JSON.stringify({ error: { code } }) };
}

export function call(attempt: number, fields: Partial<SeenCall> = {}): SeenCall {
  return { id: 'k', attempt, seq: attempt, model: 'm', ran: true, ...fields };
}

/**
 * One request whose worker was killed during the first call: posted, joined, read, refused to another body,
 * completed by the second call, replayed and read again when all was quiet.
 */
export function goodHistory(): History {
  const result = { operation: 'post', sent: 'a', text: '{"content":"a"}', replayed: true } as const;
  return {
    quietAtMs: 500,
    calls: [call(1), call(2)],
    answers: [
      answerAt(0, accepted('queued', 0)),
      answerAt(10, { ...accepted('processing', 1), replayed: true }),
      answerAt(20, shows(processing('k'))),
      answerAt(30, { operation: 'post', sent: 'b', id: null, ...refusal(422, 'idempotency_key_reused') }),
      answerAt(40, refusal(503, 'service_unavailable')),
      answerAt(50, { status: null }),
      answerAt(100, shows(record('k'))),
      answerAt(110, result),
      answerAt(500, shows(record('k'))),
    ],
  };
}
