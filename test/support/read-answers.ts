import type { Socket } from 'node:net';

/** One of many answers on a connection. */
export interface PipelinedAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/**
 * Reads the answers of a connection until the server closes it, or until there are so many. Interim (1xx) ones
 * are left out.
 */
export async function readAnswers(socket: Socket, count = Infinity): Promise<PipelinedAnswer[]> {
  const answers: PipelinedAnswer[] = [];
  const chunks: Buffer[] = [];
  let bytes = 0;
  /** Of the answer that comes, as far as that is known. */
  let needed = 0;
  // Left open, for the caller to ask on.
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    bytes += chunks[chunks.push(Buffer.from(chunk)) - 1]?.length ?? 0;
    if (bytes < needed) continue;
    let received = Buffer.concat(chunks.splice(0));
    for (;;) {
      const from = received.indexOf('\r\n\r\n') + 4;
      const head = received.toString('latin1', 0, Math.max(0, from - 4));
      needed = from < 4 ? 0 : from + Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
      if (from < 4 || received.length < needed) break;
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
      if (status >= 200) answers.push({ status, head, body: received.toString('latin1', from, needed) });
      received = received.subarray(needed);
    }
    chunks.push(received);
    bytes = received.length;
    if (answers.length >= count) break;
  }
  return answers;
}
