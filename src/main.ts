/**
 * Process entry of `npm start`: API, worker and an embedded Temporal server, unless another server is named.
 */
import { DEMO_MODELS } from './demo/models.ts';
import { banner } from './process/banner.ts';
import { composeService } from './process/compose-service.ts';
import { chooseTemporal } from './process/choose-temporal.ts';
import { describePayloads, planCodecServer, startCodecServer } from './process/codec-server.ts';
import { createIdentity, isPredecessor } from './process/identity.ts';
import { openKeys } from './process/keys.ts';
import { openLargeTexts, planLargeTexts } from './process/large-texts.ts';
import { startMetrics } from './process/metrics.ts';
import { runListeningEntry, securityOverrides } from './process/run-entry.ts';
import { chooseUpstream } from './process/upstream.ts';
import { failDeadAttempts } from './temporal/worker/dead-attempts.ts';

await runListeningEntry(async ({ config, log, stopper }) => {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const metrics = await startMetrics(config, log, stopper);
  const keys = await openKeys(config, log, stopper);
  const codec = planCodecServer(config, true);
  const plan = planLargeTexts(config, true);
  const upstream = await chooseUpstream(config, stopper, keys, plan.maxResponseBytes);
  const chosen = await chooseTemporal(config, log, stopper, say, codec?.endpoint ?? null);
  const { temporal, uiUrl, directoryId, crash, heartbeatTimeoutSeconds } = chosen;
  const identity = createIdentity(directoryId);
  const largeTexts = await openLargeTexts(plan, config, temporal.namespace);
  const service = await composeService({
    config,
    temporal,
    identity,
    // An embedded server has no other worker.
    settledHere: directoryId !== null,
    heartbeatTimeoutSeconds,
    uiUrl,
    upstream,
    largeTexts,
    maxBodyBytes: plan.maxBodyBytes,
    keys,
    metrics: metrics?.registry ?? null,
    log,
    stopper,
  });
  const recovered =
    directoryId === null || crash === null
      ? null
      : failDeadAttempts({
          client: service.boundedClient,
          isDead: (worker) => isPredecessor(worker, identity, directoryId),
          onDone: () => crash.recovered(),
          stopping: stopper.stopping,
          log,
        });
  await service.startWorker();
  // Interrupted calls come before new requests.
  await recovered;
  const apiUrl = await service.startApi();
  if (codec !== null) await startCodecServer(codec, uiUrl, largeTexts?.texts ?? null, stopper);
  const { baseURL, isDemo } = upstream;
  const model = isDemo ? 'demo' : 'gpt-5-nano';
  say(
    banner({
      apiUrl,
      uiUrl,
      temporal: chosen.said,
      upstream: baseURL,
      proxy: upstream.proxy,
      payloads: `${describePayloads(config, codec)}; ${plan.said}`,
      metricsUrl: metrics?.url ?? null,
      securityOverrides: securityOverrides(config),
      isDemo,
      isKeyed: keys !== null,
      model,
      demoModels: DEMO_MODELS,
    }),
  );
});
