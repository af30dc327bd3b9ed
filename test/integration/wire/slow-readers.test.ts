/** Answers that are ready and that nobody reads: they are kept in memory, so not in any number. */
import type { Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startAppAlone } from '../../support/app-alone.ts';
import { postFields } from '../../support/bad-input/bad-input.ts';
import { open } from '../../support/raw-http.ts';
import { readAnswers } from '../../support/read-answers.ts';
import { until } from '../../support/until.ts';

const MIB = 1024 * 1024;

async function openForTest(url: string): Promise<Socket> {
  const socket = await open(url);
  onTestFinished(() => void socket.destroy());
  return socket.on('error', () => undefined);
}

it('are dropped, the oldest first, when they hold too many bytes, so that others are still answered', async () => {
  // More than the system's own buffers take.
  const result = new Uint8Array(32 * MIB).fill(0x20);
  const slowReaders = { timeoutMs: 60_000, maxBytes: 80 * MIB };
  const { url, asked, openConnections } = await startAppAlone({ result, slowReaders });
  for (let caller = 1; caller <= 6; caller += 1) {
    (await openForTest(url)).pause().write(postFields({}));
    await until(
      () => asked.length,
      (count) => count === caller,
    );
  }
  await until(openConnections, (count) => count === 2);
  const reader = await openForTest(url);
  reader.write(postFields({}));
  const answers = await readAnswers(reader, 1);
  expect(answers.map(({ status, body }) => [status, body.length])).toEqual([[200, result.length]]);
  expect(asked).toHaveLength(7);
});

it('are none where a crowd reads, though all its answers are there in one turn', async () => {
  const accepted = Promise.withResolvers<void>();
  const result = new Uint8Array(10_000).fill(0x20);
  // A tenth of what they are told together.
  const slowReaders = { timeoutMs: 60_000, maxBytes: 200_000 };
  const { url, asked, openConnections } = await startAppAlone({
    result,
    slowReaders,
    acceptAfter: accepted.promise,
  });
  const crowd = await Promise.all(Array.from({ length: 200 }, () => openForTest(url)));
  for (const socket of crowd) socket.write(postFields({}));
  await until(
    () => asked.length,
    (count) => count === crowd.length,
  );
  accepted.resolve();
  const answers = await Promise.all(crowd.map((socket) => readAnswers(socket, 1)));
  expect(answers.flat().map(({ status }) => status)).toEqual(crowd.map(() => 200));
  expect(await openConnections()).toBe(crowd.length);
});
