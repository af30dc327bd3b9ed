/**
 * Process entry: runs the Temporal server and stops it when the parent process is gone. The guard notices
 * that by the closed IPC channel, even after kill -9. It outlives its parent by a moment, so that no server
 * is left on the ports. It runs in its own session, because Ctrl-C in a terminal must reach only the parent,
 * which stops the server last.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Time for the server to close its database after a request to stop. */
const STOP_MS = 5_000;
/**
 * Time for the server if the parent is dead. It is shorter, because a successor may be waiting for the ports.
 */
const ABANDONED_MS = 3_000;

const [command, ...args] = process.argv.slice(2);
if (command === undefined) process.exit(64);

const server = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
server.once('spawn', () => {
  // If the parent has died meanwhile, the `disconnect` event handles it. It is not an error here.
  if (process.connected) process.send?.({ pid: server.pid }, () => undefined);
});
server.once('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(127);
});
server.once('exit', (code, signal) =>
  process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
);

function stop(killAfterMs: number): void {
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), killAfterMs).unref();
}

process.once('disconnect', () => stop(ABANDONED_MS));
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(STOP_MS));
