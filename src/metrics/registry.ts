import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS, type MetricOf } from './catalogue.ts';

export type Labels = Readonly<Record<string, string>>;

/** The metrics of one process. Each name is registered once, and only by the parts that the process runs. */
export interface MetricsRegistry {
  /**
   * Registers a counter.
   *
   * @returns a function that adds 1, or `by`; adding 0 shows the series before the first event
   */
  counter(name: MetricOf<'counter'>): (labels: Labels, by?: number) => void;
  histogram(name: MetricOf<'histogram'>): (seconds: number, labels: Labels) => void;
  /**
   * Registers a gauge.
   *
   * @param read called at each scrape, so that no second count has to be kept
   */
  gauge(name: MetricOf<'gauge'>, read: () => number, labels?: Labels): void;
  /**
   * Registers a gauge or a counter whose series come and go.
   *
   * @param read called at each scrape; returns all series of that moment
   */
  series(
    name: MetricOf<'gauge'> | MetricOf<'counter'>,
    read: () => readonly (readonly [Labels, number])[],
  ): void;
  /** Returns the metrics in Prometheus' text format, version 0.0.4. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Creates a registry with the default metrics of a Node process and the version of the build. */
export function createRegistry(version: string): MetricsRegistry {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const metrics: MetricsRegistry = {
    counter(name) {
      const { help, labels: labelNames } = METRICS[name];
      const counter = new Counter<string>({ name, help, labelNames, registers });
      return (labels, by = 1) => counter.inc(labels, by);
    },
    histogram(name) {
      const { help, labels: labelNames, buckets } = METRICS[name];
      const histogram = new Histogram<string>({ name, help, labelNames, buckets: [...buckets], registers });
      return (seconds, labels) => histogram.observe(labels, seconds);
    },
    gauge(name, read, labels = {}) {
      const { help, labels: labelNames } = METRICS[name];
      new Gauge<string>({
        name,
        help,
        labelNames,
        registers,
        collect() {
          this.set(labels, read());
        },
      });
    },
    series(name, read) {
      const { help, type, labels: labelNames } = METRICS[name];
      const shared = { name, help, labelNames, registers };
      if (type === 'counter') {
        new Counter<string>({
          ...shared,
          collect() {
            this.reset();
            for (const [labels, value] of read()) this.inc(labels, value);
          },
        });
        return;
      }
      new Gauge<string>({
        ...shared,
        collect() {
          this.reset();
          for (const [labels, value] of read()) this.set(labels, value);
        },
      });
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
  metrics.gauge('reqrun_build_info', () => 1, { version });
  return metrics;
}
