/**
 * Process entry: runs the Temporal server and outlives its parent by a moment. When the parent's IPC channel
 * closes, also by kill -9, the server is stopped, so that nothing is left behind on its ports. It runs in a
 * session of its own: Ctrl-C in a terminal reaches the parent alone, which stops the server last.
 */
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { constants } from 'node:os';

const KILL_AFTER_MS = 5_000;

const [logPath, command, ...args] = process.argv.slice(2);
if (logPath === undefined || command === undefined) process.exit(64);

const log = openSync(logPath, 'a');
const server = spawn(command, args, { stdio: ['ignore', log, log] });
server.once('spawn', () => process.send?.({ pid: server.pid }));
server.once('error', () => process.exit(127));
server.once('exit', (code, signal) => process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));

function stop(): void {
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), KILL_AFTER_MS).unref();
}

process.once('disconnect', stop);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);
