import type { Logger } from 'pino';
import manifest from '../../package.json' with { type: 'json' };
import type { Config } from '../config.ts';
import { buildMetricsApp } from '../http/metrics-app.ts';
import { createRegistry, type MetricsRegistry } from '../metrics/registry.ts';
import type { Stopper } from './stop.ts';

/** The metrics of this process and the URL to scrape them from. */
export interface ServedMetrics {
  readonly registry: MetricsRegistry;
  readonly url: string;
}

/**
 * Listens for scrapes on REQRUN_METRICS_PORT. Null = disabled. Start this first, for two reasons: a port that
 * is taken is reported at once, and the process can be monitored until it has stopped.
 */
export async function startMetrics(
  { metrics }: Pick<Config, 'metrics'>,
  log: Logger,
  stopper: Pick<Stopper, 'add'>,
): Promise<ServedMetrics | null> {
  if (metrics === null) return null;
  const { host, port } = metrics;
  const registry = createRegistry(manifest.version);
  const { text, contentType } = registry;
  const app = buildMetricsApp({ text, contentType, host, logger: log });
  const address = await app.listen({ host, port }).catch((cause: unknown) => {
    throw new Error(
      `Metrics cannot be served on port ${port} of ${host} (REQRUN_METRICS_PORT, REQRUN_METRICS_HOST).`,
      { cause },
    );
  });
  stopper.add({ name: 'metrics', stop: () => app.close() });
  return { registry, url: `${address}/metrics` };
}
