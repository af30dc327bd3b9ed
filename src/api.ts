/** Process entry of `npm run api`: the HTTP API alone, for any Temporal server. */
import { createLimit } from './domain/limit.ts';
import { connectLazily, describeAddress } from './temporal/connection.ts';
import { createWaiters } from './temporal/waiting/waiters.ts';
import { externalTemporal, SEPARATE_HEARTBEAT_SECONDS } from './process/external-temporal.ts';
import { planCodecServer, startCodecServer } from './process/codec-server.ts';
import { createIdentity } from './process/identity.ts';
import { startMetrics } from './process/metrics.ts';
import { runListeningEntry } from './process/run-entry.ts';
import { openKeys } from './process/keys.ts';
import { openStreams } from './process/streams.ts';
import { openLargeTexts, planLargeTexts } from './process/large-texts.ts';
import { startApi } from './process/start-api.ts';
import { openUpstreamModels } from './process/upstream.ts';
import { createLongPolls } from './temporal/waiting/long-polls.ts';

await runListeningEntry(async ({ config, log, stopper }) => {
  const codec = planCodecServer(config, false);
  const metrics = await startMetrics(config, log, stopper);
  const keys = await openKeys(config, log, stopper);
  const plan = planLargeTexts(config, false);
  const models = await openUpstreamModels(config, stopper, keys);
  const temporal = externalTemporal(config);
  const largeTexts = await openLargeTexts(plan, config, temporal.namespace);
  const connection = connectLazily(temporal);
  stopper.add({ name: 'Temporal connection', stop: () => connection.close() });
  const url = await startApi({
    lanes: null,
    streams: openStreams({ config, namespace: temporal.namespace, settledHere: false, log, stopper }),
    config,
    temporal,
    connection,
    abortable: connection,
    eagerStart: false,
    settledHere: false,
    waiters: createWaiters(
      createLimit(config.limits.waiters),
      createLongPolls(connection, temporal.namespace, config.limits.longPolls),
    ),
    models,
    texts: largeTexts?.texts ?? null,
    maxBodyBytes: plan.maxBodyBytes,
    keys,
    metrics: metrics?.registry ?? null,
    heartbeatTimeoutSeconds: config.heartbeatTimeoutSeconds ?? SEPARATE_HEARTBEAT_SECONDS,
    uiUrl: config.temporalUiUrl,
    identity: createIdentity(),
    log,
    stopper,
  });
  if (codec !== null) await startCodecServer(codec, config.temporalUiUrl, largeTexts?.texts ?? null, stopper);
  log.info(
    {
      api: url,
      temporal: describeAddress(temporal),
      named_by: temporal.namedBy,
      namespace: temporal.namespace,
      large_texts: plan.said,
      ...(metrics === null ? {} : { metrics: metrics.url }),
    },
    'ready',
  );
});
