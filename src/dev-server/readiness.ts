import { Connection } from '@temporalio/client';
import { msNumberToTs } from '../temporal/sdk-internals.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { isListening } from './ports.ts';

const POLL_MS = 25;
const CALL_MS = 2_000;
export const NAMESPACE = 'default';

export interface Awaited {
  readonly port: number;
  /** How long the namespace keeps closed runs. The server's minimum is 1. */
  readonly retentionHours: number;
  readonly withinMs: number;
  /** Aborts the wait with its reason. */
  readonly signal: AbortSignal;
}

/**
 * Waits until the server answers, and sets the namespace's retention of closed runs to `retentionHours`.
 *
 * @throws Error if the server does not answer in time
 */
export async function untilServerAnswers({ port, retentionHours, withinMs, signal }: Awaited): Promise<void> {
  const untilMs = Date.now() + withinMs;
  // Probe the port first, because a gRPC channel waits a second after a refused connection before it tries
  // again.
  await poll(() => isListening(port));
  const address = `127.0.0.1:${port}`;
  // Otherwise the client would send its calls to the environment's proxy, which has another loopback.
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
