/** Process entry of `npm start`: API, worker and, unless another is named, an embedded Temporal server. */
import { DEMO_MODELS } from './demo/models.ts';
import { createLimit } from './domain/limit.ts';
import { banner } from './process/banner.ts';
import { chooseTemporal } from './process/choose-temporal.ts';
import { describePayloads, planCodecServer, startCodecServer } from './process/codec-server.ts';
import { createIdentity, isPredecessor } from './process/identity.ts';
import { openKeys } from './process/keys.ts';
import { startMetrics } from './process/metrics.ts';
import { runListeningEntry, securityOverrides } from './process/run-entry.ts';
import { startApi } from './process/start-api.ts';
import { startWorker } from './process/start-worker.ts';
import { chooseUpstream } from './process/upstream.ts';
import { connectLazily, connectNative, createClient, describeAddress } from './temporal/connection.ts';
import { createDataConverter } from './temporal/data-converter.ts';
import { createLongPolls } from './temporal/waiting/long-polls.ts';
import { createWaiters } from './temporal/waiting/waiters.ts';
import { failDeadAttempts } from './temporal/worker/dead-attempts.ts';

await runListeningEntry(async ({ config, log, stopper }) => {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const metrics = await startMetrics(config, log, stopper);
  const keys = await openKeys(config, log, stopper);
  const codec = planCodecServer(config, true);
  const upstream = await chooseUpstream(config, stopper, keys);
  const chosen = await chooseTemporal(config, log, stopper, say, codec?.endpoint ?? null);
  const { temporal, uiUrl, directoryId, crash, heartbeatTimeoutSeconds } = chosen;
  // One connection for client and worker: a start's first task travels with its answer.
  const connection = await connectNative(temporal).catch((cause: unknown) => {
    throw new Error(`Temporal cannot be reached at ${describeAddress(temporal)}.`, { cause });
  });
  stopper.add({ name: 'Temporal connection', stop: () => connection.close() });
  const abortable = connectLazily(temporal);
  stopper.add({ name: 'Temporal probe', stop: () => abortable.close() });

  const identity = createIdentity(directoryId);
  const recovered =
    directoryId === null || crash === null
      ? null
      : failDeadAttempts({
          client: createClient(abortable, temporal, identity, createDataConverter(config.encryption)),
          isDead: (worker) => isPredecessor(worker, identity, directoryId),
          onDone: () => crash.recovered(),
          stopping: stopper.stopping,
          log,
        });
  const { namespace } = temporal;
  const { limits } = config;
  // Nobody else's worker is expected on an embedded server.
  const settledHere = directoryId !== null;
  const waiters = createWaiters(
    createLimit(limits.waiters),
    settledHere ? null : createLongPolls(abortable, namespace, limits.longPolls),
  );
  await startWorker({
    config,
    connection,
    namespace,
    identity,
    upstream,
    waiters,
    metrics: metrics?.registry ?? null,
    log,
    stopper,
  });
  // What was interrupted goes before what is new.
  await recovered;
  const apiUrl = await startApi({
    config,
    temporal,
    connection,
    abortable,
    eagerStart: true,
    settledHere,
    waiters,
    keys,
    metrics: metrics?.registry ?? null,
    heartbeatTimeoutSeconds,
    uiUrl,
    identity,
    log,
    stopper,
  });
  if (codec !== null) await startCodecServer(codec, uiUrl, stopper);
  const { baseURL, isDemo } = upstream;
  const model = isDemo ? 'demo' : 'gpt-5-nano';
  say(
    banner({
      apiUrl,
      uiUrl,
      temporal: chosen.said,
      upstream: baseURL,
      proxy: upstream.proxy,
      payloads: describePayloads(config, codec),
      metricsUrl: metrics?.url ?? null,
      securityOverrides: securityOverrides(config),
      isDemo,
      isKeyed: keys !== null,
      model,
      demoModels: DEMO_MODELS,
    }),
  );
});
