/** Process entry of `npm run worker`: makes the upstream calls, for any Temporal server. */
import { connectNative, describeAddress } from './temporal/connection.ts';
import { externalTemporal } from './process/external-temporal.ts';
import { createIdentity } from './process/identity.ts';
import { openKeys } from './process/keys.ts';
import { openLargeTexts, planLargeTexts } from './process/large-texts.ts';
import { startMetrics } from './process/metrics.ts';
import { runEntry } from './process/run-entry.ts';
import { openStreams } from './process/streams.ts';
import { startWorker } from './process/start-worker.ts';
import { createWorkerLanes } from './process/worker-lanes.ts';
import { chooseUpstream } from './process/upstream.ts';

await runEntry(async ({ config, log, stopper }) => {
  const metrics = await startMetrics(config, log, stopper);
  const keys = await openKeys(config, log, stopper);
  const plan = planLargeTexts(config, false);
  const upstream = await chooseUpstream(config, stopper, keys, plan.maxResponseBytes);
  const temporal = externalTemporal(config);
  const largeTexts = await openLargeTexts(plan, config, temporal.namespace);
  const connection = await connectNative(temporal).catch((cause: unknown) => {
    throw new Error(
      `Temporal cannot be reached at ${describeAddress(temporal)} (named by ${temporal.namedBy}): start a Temporal server there, or set TEMPORAL_ADDRESS.`,
      { cause },
    );
  });
  stopper.add({ name: 'Temporal connection', stop: () => connection.close() });
  const { namespace } = temporal;
  await startWorker({
    config,
    connection,
    temporal,
    namespace,
    lanes: createWorkerLanes({ config, connection, namespace, settledHere: false, log, stopper }),
    streams: openStreams({ config, namespace, settledHere: false, log, stopper }),
    identity: createIdentity(),
    upstream,
    largeTexts,
    waiters: null,
    metrics: metrics?.registry ?? null,
    log,
    stopper,
  });
  if (upstream.isDemo)
    log.warn('neither OPENAI_API_KEY nor OPENAI_BASE_URL is set: the built-in DEMO upstream is used');
  log.info(
    {
      temporal: describeAddress(temporal),
      named_by: temporal.namedBy,
      namespace: temporal.namespace,
      large_texts: plan.said,
      upstream: upstream.baseURL,
      ...(upstream.proxy === null ? {} : { upstream_proxy: upstream.proxy }),
      ...(metrics === null ? {} : { metrics: metrics.url }),
    },
    'ready',
  );
});
