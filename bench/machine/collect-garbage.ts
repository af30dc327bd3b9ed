import { once } from 'node:events';
import { z } from 'zod';
import { until } from '../../test/support/until.ts';

/** Where Node's inspector listens after SIGUSR1. */
const INSPECTOR_URL = 'http://127.0.0.1:9229/json/list';
const Targets = z.tuple([z.object({ webSocketDebuggerUrl: z.string() })], z.unknown());
/** A message of the inspector: the answer to the message with its id, or an event. */
const Message = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  params: z.object({ sessionId: z.string().optional() }).optional(),
});
/** Collections that free what the one before has made free. */
const COLLECTIONS = 3;
const COLLECT = { method: 'HeapProfiler.collectGarbage' };
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
  socket.addEventListener('message', ({ data }) => {
    const { id, params } = Message.parse(JSON.parse(String(data)));
    if (params?.sessionId !== undefined) workers.add(params.sessionId);
    if (id !== undefined) waiting.get(id)?.();
  });
  let sent = 0;
  const send = async (message: object): Promise<void> => {
    const answered = Promise.withResolvers<void>();
    const id = (sent += 1);
    waiting.set(id, answered.resolve);
    socket.send(JSON.stringify({ id, ...message }));
    await answered.promise;
  };
  await send({ method: 'NodeWorker.enable', params: { waitForDebuggerOnStart: false } });
  for (let nth = 1; nth <= COLLECTIONS; nth += 1) {
    await send(COLLECT);
    for (const sessionId of workers) {
      const message = JSON.stringify({ id: nth, ...COLLECT });
      await send({ method: 'NodeWorker.sendMessageToWorker', params: { sessionId, message } });
    }
  }
  const closed = once(socket, 'close');
  socket.send(JSON.stringify({ id: 0, method: 'Runtime.evaluate', params: { expression: CLOSE } }));
  await closed;
}

/** Null = nothing listens there yet. */
async function targets(): Promise<unknown> {
  return fetch(INSPECTOR_URL).then(
    (answer) => answer.json(),
    () => null,
  );
}
