import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS, type MetricOf } from './catalogue.ts';

export type Labels = Readonly<Record<string, string>>;

/** The metrics of one process. Each name is taken once; a process has those of the parts that it runs. */
export interface MetricsRegistry {
  /** @returns counts one more, or `by` as many: 0 shows the series before anything has happened */
  counter(name: MetricOf<'counter'>): (labels: Labels, by?: number) => void;
  histogram(name: MetricOf<'histogram'>): (seconds: number, labels: Labels) => void;
  /** @param read asked at each scrape, so that nothing is counted twice and nothing is counted in between */
  gauge(name: MetricOf<'gauge'>, read: () => number, labels?: Labels): void;
  /** Prometheus' text format, version 0.0.4. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** A registry of its own, with what Prometheus users expect of any Node process and the build's version. */
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
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
  metrics.gauge('reqrun_build_info', () => 1, { version });
  return metrics;
}
