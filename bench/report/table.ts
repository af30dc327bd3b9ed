import type { Measures } from '../rows/measure.ts';
import { SYSTEM_WORDS } from '../systems/system.ts';
import { FIGURES, format } from './figures.ts';
import { table } from './markdown.ts';
import type { Summary } from './summary.ts';
import { isReached, type Target } from './targets.ts';

/**
 * Formats the run as Markdown: the figures by system, the targets (reached or missed), and the rows that only
 * some systems have.
 */
export function toMarkdown(
  summaries: readonly Summary[],
  targets: readonly Target[],
  measures: Measures,
  notes: readonly string[],
): string {
  const figures = FIGURES.map(({ title, unit, of }) => ({
    head: `${title} (${unit})`,
    values: summaries.map(of),
  }))
    .filter(({ values }) => values.some((value) => value !== null))
    .map(({ head, values }) => [head, ...values.map(format)]);
  const judged = targets.filter(({ value }) => value !== null);
  const left = targets.length - judged.length;
  const parts = [
    table(['', ...summaries.map(({ system }) => system)], figures),
    table(
      ['target', 'bound', 'measured', ''],
      judged.map((target) => [
        target.name,
        `${target.sense} ${target.bound}`,
        format(target.value),
        isReached(target) === true ? 'reached' : 'missed',
      ]),
    ),
    left === 0 ? '' : `Targets without a figure in this run: ${left}.`,
    [...notes, ...otherRows(measures)].map((line) => `- ${line}`).join('\n'),
    figures.length === 0
      ? ''
      : summaries.map(({ system }) => `- ${system}: ${SYSTEM_WORDS[system]}`).join('\n'),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function otherRows(measures: Measures): string[] {
  const { duplicates, held, inFlight, longCall, loads, responses, streams, sizes } = measures;
  const failed = loads.filter(({ errors }) => errors > 0);
  return [
    ...duplicates.map(
      ({ system, keys, postsOfEach, upstreamCalls, errors, differing, seconds }) =>
        `${system}: ${keys} keys, each posted ${postsOfEach} times at once: ${upstreamCalls} upstream calls, ` +
        `${errors} errors, ${differing} keys with differing answers, in ${seconds.toFixed(0)} s`,
    ),
    ...(held === null
      ? []
      : [
          `${held.callers} callers on an upstream of ${held.upstreamSeconds} s, ${held.mostAtOnce} of them held ` +
            `at once: ${held.answered} answered, ${held.errors} errors, ${held.turnedAway} retries after a 503`,
        ]),
    ...inFlight.map(
      ({ promptBytes, calls, perCall }) =>
        `${calls} upstream calls at once with prompts of ${promptBytes} bytes: each ` +
        `${format(perCall.app / 1_024)} KiB in the application, ${format(perCall.server / 1_024)} KiB in the server`,
    ),
    ...(longCall === null
      ? []
      : [
          `one call of ${longCall.upstreamSeconds} s, fetched by ${longCall.polls} polls: ${longCall.status} after ` +
            `${longCall.seconds.toFixed(1)} s, ${longCall.attempts} attempts, ${longCall.upstreamCalls} upstream calls`,
        ]),
    ...(responses?.ways ?? []).map(
      ({ way, p50Ms, cpuMsPerRequest, errors }) =>
        `${way}: p50 ${format(p50Ms)} ms` +
        `${cpuMsPerRequest === null ? '' : ` added, CPU ${format(cpuMsPerRequest)} ms a request`}, ${errors} errors`,
    ),
    ...(sizes?.sizes ?? []).map(
      ({ bytes, directMs, serviceMs, copyMs, growthBytes, loopMs }) =>
        `a body of ${bytes / 1_000} KB: p50 ${format(directMs)} ms direct, ${format(serviceMs - directMs)} ms added; ` +
        `a copy with fsync ${format(copyMs)} ms; memory grew by ${format(growthBytes / 2 ** 20)} MiB; ` +
        `longest stall ${format(loopMs)} ms`,
    ),
    ...(sizes === null
      ? []
      : [
          `longest stall under 20 small calls a second: ${format(sizes.beside.quietMs)} ms alone, ` +
            `${format(sizes.beside.loopMs)} ms while bodies of 40 MB are taken`,
        ]),
    ...streams.map(
      ({
        streamer,
        firstMs,
        wholeMs,
        gapP99Ms,
        cpuMsPer1000Events,
        memoryPer1000,
        wholeMemoryPer1000,
        errors,
      }) =>
        `streams of ${streamer}: first event ${format(firstMs)} ms, whole call ${format(wholeMs)} ms, added gap p99 ` +
        `${format(gapP99Ms)} ms, CPU per 1,000 events ${format(cpuMsPer1000Events)} ms, memory per 1,000 open ` +
        `${format(memoryPer1000 === null ? null : memoryPer1000 / 2 ** 20)} MiB (1,000 calls without stream: ` +
        `${format(wholeMemoryPer1000 === null ? null : wholeMemoryPer1000 / 2 ** 20)} MiB), ${errors} errors`,
    ),
    ...failed.map(
      ({ system, row, round, errors, firstError }) =>
        `ERRORS: ${system} ${row} round ${round}: ${errors}, ${firstError}`,
    ),
  ];
}
