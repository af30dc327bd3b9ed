import { once } from 'node:events';
import { z } from 'zod';
import { until } from '../../test/support/until.ts';

/** Where Node's inspector listens after SIGUSR1. */
const INSPECTOR_URL = 'http://127.0.0.1:9229/json/list';
const Targets = z.tuple([z.object({ webSocketDebuggerUrl: z.string() })], z.unknown());
/** A message of the inspector: an answer, or an event, which may carry an answer of a worker as text. */
const Message = z.object({
  id: z.number().optional(),
  params: z.object({ sessionId: z.string().optional(), message: z.string().optional() }).optional(),
});
/** Collections that free what the one before has made free. */
const COLLECTIONS = 3;
const COLLECT = 'HeapProfiler.collectGarbage';
const CLOSE = "process.getBuiltinModule('inspector').close()";

/**
 * Lets a Node process collect all garbage, in its main thread and its workers, by its inspector. Without this, the memory
 * of a process depends more on when it last collected than on what it holds.
 */
export async function collectGarbage(pid: number): Promise<void> {
  process.kill(pid, 'SIGUSR1');
  const [{ webSocketDebuggerUrl }] = await until(targets, (found) => found !== null).then(Targets.parse);
  const socket = new WebSocket(webSocketDebuggerUrl);
  await once(socket, 'open');
  const workers = new Set<string>();
  const waiting = new Map<number, () => void>();
  const receive = (text: string): void => {
    const { id, params } = Message.parse(JSON.parse(text));
    if (params?.sessionId !== undefined) workers.add(params.sessionId);
    if (params?.message !== undefined) receive(params.message);
    if (id !== undefined) waiting.get(id)?.();
  };
  socket.addEventListener('message', ({ data }) => receive(String(data)));
  let sent = 0;
  const ask = async (method: string, send: (message: object) => void, params = {}): Promise<void> => {
    const answered = Promise.withResolvers<void>();
    const id = (sent += 1);
    waiting.set(id, answered.resolve);
    send({ id, method, params });
    await answered.promise;
  };
  const toMain = (message: object): void => socket.send(JSON.stringify(message));
  await ask('NodeWorker.enable', toMain, { waitForDebuggerOnStart: false });
  for (let nth = 1; nth <= COLLECTIONS; nth += 1) {
    await ask(COLLECT, toMain);
    for (const sessionId of workers) {
      // The delivery has an answer too, with id 0. Only the worker's own answer is waited for.
      const toWorker = (message: object): void =>
        toMain({
          id: 0,
          method: 'NodeWorker.sendMessageToWorker',
          params: { sessionId, message: JSON.stringify(message) },
        });
      await ask(COLLECT, toWorker);
    }
  }
  const closed = once(socket, 'close');
  toMain({ id: 0, method: 'Runtime.evaluate', params: { expression: CLOSE } });
  await closed;
}

/** Null = nothing listens there yet. */
async function targets(): Promise<unknown> {
  return fetch(INSPECTOR_URL).then(
    (answer) => answer.json(),
    () => null,
  );
}
