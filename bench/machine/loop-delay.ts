/**
 * Loaded into a measured service by `--import`. Writes the longest delay of its event loop and its largest memory into
 * the file that BENCH_LOOP_FILE names. SIGUSR2 starts again at 0.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const path = process.env['BENCH_LOOP_FILE'];
/** Resolution of the delays, ms. A delay is counted from this on. */
const RESOLUTION_MS = 5;
const SAMPLE_MS = 20;
const WRITE_MS = 200;

if (isMainThread && path !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let largest = 0;
  setInterval(() => (largest = Math.max(largest, process.memoryUsage.rss())), SAMPLE_MS).unref();
  setInterval(() => {
    const figures = { maxMs: delay.max / 1e6, rss: process.memoryUsage.rss(), largestRss: largest };
    writeFileSync(`${path}.new`, JSON.stringify(figures));
    renameSync(`${path}.new`, path);
  }, WRITE_MS).unref();
  process.on('SIGUSR2', () => {
    delay.reset();
    largest = 0;
  });
}
