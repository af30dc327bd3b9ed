import type { Socket } from 'node:net';

/** One of many answers on a connection. */
export interface PipelinedAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Reads all answers of a connection until the server closes it, or until there are so many. Interim (1xx) ones are left out. */
export async function readAnswers(socket: Socket, count = Infinity): Promise<PipelinedAnswer[]> {
  const answers: PipelinedAnswer[] = [];
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, Buffer.from(chunk)]);
    for (let end = received.indexOf('\r\n\r\n'); end !== -1; end = received.indexOf('\r\n\r\n')) {
      const head = received.toString('latin1', 0, end);
      const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
      const from = end + 4;
      if (received.length < from + length) break;
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
      if (status >= 200) answers.push({ status, head, body: received.toString('utf8', from, from + length) });
      received = received.subarray(from + length);
    }
    if (answers.length >= count) break;
  }
  return answers;
}
