import type { Measures } from '../rows/measure.ts';
import type { SizeMeasure } from '../rows/sizes.ts';
import type { Streamer, StreamMeasure } from '../rows/streams.ts';
import type { Summary } from './summary.ts';

/** A target that the service must reach. */
export interface Target {
  readonly name: string;
  /** Null = the measurements it needs are missing. */
  readonly value: number | null;
  readonly bound: number;
  readonly sense: 'at most' | 'at least';
}

/** All targets, each as a ratio of figures of the same run. */
export function targetsOf(
  summaries: readonly Summary[],
  { duplicates, held, responses, streams, sizes }: Measures,
): Target[] {
  const find = (name: Summary['system']): Summary | undefined =>
    summaries.find(({ system }) => system === name);
  const [service, floor, plain] = [find('service'), find('floor'), find('plain')];
  const [naive, restate] = [find('naive'), find('restate')];
  const own = duplicates.find(({ system }) => system === 'service');
  const atMost = (name: string, value: number | null, bound: number): Target => ({
    name,
    value,
    bound,
    sense: 'at most',
  });
  const atLeast = (name: string, value: number | null, bound: number): Target => ({
    name,
    value,
    bound,
    sense: 'at least',
  });
  return [
    atMost(
      'added p50 / (floor + plain)',
      ratio(service?.addedP50Ms, sum(floor?.addedP50Ms, plain?.addedP50Ms)),
      1.1,
    ),
    atMost('added p50 / naive', ratio(service?.addedP50Ms, naive?.addedP50Ms), 0.35),
    atLeast('requests a second / floor', ratio(service?.perSecond, floor?.perSecond), 1),
    atLeast('requests a second / naive', ratio(service?.perSecond, naive?.perSecond), 1.9),
    atMost('CPU per request / (floor + plain)', ratio(service?.cpuMs, sum(floor?.cpuMs, plain?.cpuMs)), 1.1),
    atMost(
      'added p99 / added p50, at half of the ceiling',
      ratio(service?.halfLoadAddedP99Ms, service?.halfLoadAddedP50Ms),
      4,
    ),
    atMost('application memory in flight / floor', ratio(service?.memory?.app, floor?.memory?.app), 0.8),
    atMost('server memory in flight / floor', ratio(service?.memory?.server, floor?.memory?.server), 0.8),
    atMost('recovery / Restate', ratio(service?.recoveryMs, restate?.recoveryMs), 3),
    atMost('upstream calls / keys, each posted five times', ratio(own?.upstreamCalls, own?.keys), 1),
    atMost('errors among held callers', held?.errors ?? null, 0),
    atMost('responses: added p50 / chat completions', responses?.addedP50 ?? null, 1.05),
    atMost('responses: CPU per request / chat completions', responses?.cpu ?? null, 1.05),
    ...sizeTargets(sizes).map(([name, value, bound]) => atMost(name, value, bound)),
    ...streamTargets(streams).map(([name, value, bound]) => atMost(name, value, bound)),
    atMost('background create / 202 of chat completions', responses?.accepted ?? null, 1.1),
  ];
}

/** Name, value and upper bound of each target of large bodies. */
function sizeTargets(sizes: Measures['sizes']): (readonly [string, number | null, number])[] {
  const find = (bytes: number): SizeMeasure | undefined => sizes?.sizes.find((one) => one.bytes === bytes);
  const [ten, forty] = [find(10_000_000), find(40_000_000)];
  const added = ten === undefined ? null : ten.serviceMs - ten.directMs - ten.copyMs;
  return [
    ['10 MB: added p50 less a copy with fsync (ms)', added, 250],
    ['40 MB: growth of memory / body', forty === undefined ? null : forty.growthBytes / forty.bytes, 6],
    ['40 MB beside 20 calls a second: longest stall (ms)', sizes?.beside.loopMs ?? null, 50],
  ];
}

/** Name, value and upper bound of each target of streams. */
function streamTargets(streams: Measures['streams']): (readonly [string, number | null, number])[] {
  const find = (name: Streamer): StreamMeasure | undefined => streams.find((one) => one.streamer === name);
  const [direct, plain, service, redis] = [find('direct'), find('plain'), find('service'), find('redis')];
  const added = (own: Figure, base: Figure): number | null =>
    typeof own === 'number' && typeof base === 'number' ? own - base : null;
  const addedFirst = (one: StreamMeasure | undefined): number | null => added(one?.firstMs, direct?.firstMs);
  const mebibytes = service?.memoryPer1000 ?? null;
  return [
    [
      'streams: added time to the first event / added p50 of a whole call',
      ratio(addedFirst(service), added(service?.wholeMs, direct?.wholeMs)),
      0.6,
    ],
    ['streams: added gap, p99 (ms)', service?.gapP99Ms ?? null, 25],
    ['streams: CPU per event / plain', ratio(service?.cpuMsPer1000Events, plain?.cpuMsPer1000Events), 2],
    ['streams: memory per 1,000 open (MiB)', mebibytes === null ? null : mebibytes / 2 ** 20, 60],
    [
      'streams: added time to the first event, Redis between / in one process',
      ratio(addedFirst(redis), addedFirst(service)),
      2,
    ],
  ];
}

export function isReached({ value, bound, sense }: Target): boolean | null {
  if (value === null) return null;
  return sense === 'at most' ? value <= bound : value >= bound;
}

type Figure = number | null | undefined;

function ratio(one: Figure, other: Figure): number | null {
  return typeof one === 'number' && typeof other === 'number' ? one / other : null;
}

function sum(one: Figure, other: Figure): number | null {
  return typeof one === 'number' && typeof other === 'number' ? one + other : null;
}
