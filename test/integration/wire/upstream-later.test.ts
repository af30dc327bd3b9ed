/** Where the upstream says "later", it is not given up on after two tries. */
import { describe, expect, it } from 'vitest';
import { answer, bytes, driveRequest, OK } from '../../support/drive-request.ts';

describe('a gateway that lost the upstream', () => {
  it.each([502, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530])('is called again: %d', async (status) => {
    const driven = await driveRequest([
      bytes(answer(status, 'error code: 1033', 'content-type: text/plain')),
    ]);
    expect(driven).toMatchObject({ hits: 5, error: null });
    expect(driven.failures[0]).toMatchObject({
      code: 'upstream_gateway_error',
      outcome: 'unknown',
      billed: 'maybe',
    });
  });
});

describe('a queue that closed before inference', () => {
  const chunk = '3\r\n\n\n\n\r\n';
  const chunkedHead =
    'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n';
  it.each<[string, string]>([
    ['until the connection closes', 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\n\n\n'],
    ['with a length', answer(200, '\n\n\n')],
    ['spaces and tabs', answer(200, ' \t\r\n ')],
    ['in chunks', `${chunkedHead}${chunk}${chunk}0\r\n\r\n`],
    ['in chunks that break off', `${chunkedHead}${chunk}`],
    [
      'comments of a stream',
      answer(200, ': keep-alive\n\n: keep-alive\n\n', 'content-type: text/event-stream'),
    ],
  ])('is an overload: %s', async (_title, raw) => {
    const driven = await driveRequest([bytes(raw)]);
    expect(driven).toMatchObject({ hits: 5, error: null, delaysMs: [5_000, 10_000, 20_000, 40_000, 60_000] });
    expect(driven.failures[0]).toMatchObject({ code: 'upstream_overloaded', outcome: 'unknown' });
    expect(await driveRequest([bytes(raw)], { options: { on_unknown_outcome: 'fail' } })).toMatchObject({
      hits: 1,
    });
  });

  it('is a completion where one follows', async () => {
    expect(await driveRequest([bytes(answer(200, `\n\n\n${OK}`))])).toMatchObject({
      hits: 1,
      completed: `\n\n\n${OK}`,
    });
  });
});
