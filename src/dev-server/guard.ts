/**
 * Process entry: runs the Temporal server and outlives its parent by a moment. When the parent's IPC channel
 * closes, also by kill -9, the server is stopped, so that nothing is left behind on its ports. It runs in a
 * session of its own: Ctrl-C in a terminal reaches the parent alone, which stops the server last.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Asked to stop: time for the server to close its database. */
const STOP_MS = 5_000;
/** The parent is dead: a successor may be waiting for the ports. */
const ABANDONED_MS = 3_000;

const [command, ...args] = process.argv.slice(2);
if (command === undefined) process.exit(64);

const server = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
server.once('spawn', () => {
  // A parent that died meanwhile is the disconnect's business, not an error here.
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
