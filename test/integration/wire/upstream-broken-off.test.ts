/** What a provider itself calls broken off is no result; what it says of the caller's wishes is one. */
import { describe, expect, it } from 'vitest';
import { answer, bytes, driveRequest, OK } from '../../support/drive-request.ts';

const finished = (reason: string): string => OK.replace('"stop"', JSON.stringify(reason));

describe('an end', () => {
  it.each([
    'error',
    'insufficient_system_resource',
    'network_error',
    'abort',
    'aborted',
    'cancelled',
    'timeout',
    'server_error',
    'ERROR',
  ])('that a provider documents as its own failure is none: %s', async (reason) => {
    const driven = await driveRequest([bytes(answer(200, finished(reason))), bytes(answer(200, OK))]);
    expect(driven).toMatchObject({
      hits: 2,
      completed: OK,
      failures: [{ code: 'upstream_error_in_body', outcome: 'lost', billed: 'maybe', retry: 'always' }],
    });
    const once = await driveRequest([bytes(answer(200, finished(reason)))], {
      options: { on_unknown_outcome: 'fail' },
    });
    expect(once).toMatchObject({ hits: 1, error: { code: 'outcome_unknown' } });
  });

  it('counts in any of several choices', async () => {
    const choices =
      '"choices":[{"message":{"content":"a"},"finish_reason":"stop"},{"finish_reason":"network_error"}]';
    expect(await driveRequest([bytes(answer(200, `{${choices}}`))], { maxCalls: 1 })).toMatchObject({
      failures: [{ code: 'upstream_error_in_body' }],
    });
  });

  it('ends an event stream that nobody asked for as well', async () => {
    const stream =
      'data: {"choices":[{"delta":{"content":"half"},"finish_reason":"insufficient_system_resource"}]}\n\n';
    expect(
      await driveRequest([bytes(answer(200, stream, 'content-type: text/event-stream'))], { maxCalls: 1 }),
    ).toMatchObject({ failures: [{ code: 'upstream_error_in_stream', outcome: 'lost' }] });
  });

  it.each([
    'stop',
    'length',
    'tool_calls',
    'content_filter',
    'sensitive',
    'model_context_window_exceeded',
    'eos',
    'new',
  ])("that is the caller's to judge is a result: %s", async (reason) => {
    expect(await driveRequest([bytes(answer(200, finished(reason)))])).toMatchObject({
      hits: 1,
      completed: finished(reason),
    });
  });
});
