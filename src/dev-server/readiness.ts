import { Connection } from '@temporalio/client';
import { msNumberToTs } from '../temporal/sdk-internals.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { isListening } from './ports.ts';

const POLL_MS = 25;
const CALL_MS = 2_000;
export const NAMESPACE = 'default';

export interface Awaited {
  readonly port: number;
  /** How long the namespace keeps closed runs; the server's minimum is 1. */
  readonly retentionHours: number;
  readonly withinMs: number;
  /** Ends the wait with its reason. */
  readonly signal: AbortSignal;
}

/** Resolves when the server answers and its namespace keeps closed runs for `retentionHours`. @throws Error else */
export async function untilServerAnswers({ port, retentionHours, withinMs, signal }: Awaited): Promise<void> {
  const untilMs = Date.now() + withinMs;
  // A gRPC channel that was refused waits a second before its next try: the port is asked first.
  await poll(() => isListening(port));
  const address = `127.0.0.1:${port}`;
  // The client would send its calls to the environment's proxy, which has another loopback.
  const connection = Connection.lazy({ address, channelArgs: { 'grpc.enable_http_proxy': 0 } });
  try {
    await poll(() =>
      connection.withDeadline(Date.now() + CALL_MS, () =>
        setRetention(connection, Math.max(1, retentionHours) * 3600),
      ),
    );
  } finally {
    await connection.close();
  }

  async function poll(isDone: () => Promise<boolean>): Promise<void> {
    let lastError: unknown;
    while (Date.now() < untilMs) {
      signal.throwIfAborted();
      const done = await isDone().catch((error: unknown) => {
        lastError = error;
        return false;
      });
      if (done) return;
      await sleep(POLL_MS);
    }
    throw new Error(
      `The Temporal server did not answer at 127.0.0.1:${port} (asked without a proxy) within ${withinMs / 1000} s.`,
      {
        cause: lastError,
      },
    );
  }
}

async function setRetention(connection: Connection, seconds: number): Promise<boolean> {
  const { config } = await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
  if (Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) === seconds) return true;
  await connection.workflowService.updateNamespace({
    namespace: NAMESPACE,
    config: { workflowExecutionRetentionTtl: msNumberToTs(seconds * 1000) },
  });
  return true;
}
