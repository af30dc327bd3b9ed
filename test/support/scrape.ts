import { until } from './until.ts';

/** One scrape of a process's metrics. */
export interface Scrape {
  readonly text: string;
  readonly contentType: string;
  /** Name to type. */
  readonly types: ReadonlyMap<string, string>;
  /** Every sample, by its name and labels as they stand. */
  readonly samples: ReadonlyMap<string, number>;
}

const SAMPLE = /^([a-z_][a-z0-9_]*(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)+\})?) (-?\d[\d.e+-]*|NaN|[+-]Inf)$/i;

/** Reads `url` as Prometheus does. @throws Error at a line that is not of its text format */
export async function scrape(url: string): Promise<Scrape> {
  const response = await fetch(url);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`answered ${response.status}: ${text}`);
  const [types, samples] = [new Map<string, string>(), new Map<string, number>()];
  for (const line of text.split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
    if (name !== undefined && type !== undefined) {
      if (types.has(name)) throw new Error(`twice: ${line}`);
      types.set(name, type);
    }
    if (line === '' || line.startsWith('#')) continue;
    const [, series = '', value = ''] = SAMPLE.exec(line) ?? [];
    if (series === '' || samples.has(series)) throw new Error(`no sample: ${line}`);
    samples.set(series, Number(value));
  }
  return { text, contentType: response.headers.get('content-type') ?? '', types, samples };
}

/** Waits for samples to have these values; what is not there counts as 0. */
export async function untilSamples(url: string, expected: Readonly<Record<string, number>>): Promise<Scrape> {
  const series = Object.keys(expected);
  const last = { current: await scrape(url) };
  await until(
    async () => {
      last.current = await scrape(url);
      return Object.fromEntries(series.map((one) => [one, last.current.samples.get(one) ?? 0]));
    },
    (now) => series.every((one) => now[one] === expected[one]),
  );
  return last.current;
}
