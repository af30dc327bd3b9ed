import { setTimeout as sleep } from 'node:timers/promises';
import { bearer, makeKeysFile } from '../../test/support/keys-file.ts';
import { postUntilTaken } from '../load/durable-caller.ts';
import type { BenchRun } from '../rows/bench-run.ts';
import { CASES } from './cases.ts';
import { crowdBody } from './crowd-body.ts';
import type { Found } from './crowd-measure.ts';
import { startCrowdService } from './start-crowd-service.ts';

/** Calls of the crowd that are answered before the first single request comes. */
const FIRST_ANSWERED = 20;
const LOOK_MS = 200;

/**
 * Measures the turns that a single request waits while another project's crowd fills the lane. A turn is a call of
 * the crowd that the upstream admits between the acceptance of the single request and its own admitted call.
 */
export async function measureProjects(
  run: BenchRun,
  { crowd, singles }: { readonly crowd: number; readonly singles: number },
  model: string,
  checkout: string | null,
): Promise<Found> {
  const { limited, options } = run;
  const keys = await makeKeysFile({ crowd: {}, single: {} });
  const [ofCrowd, ofSingle] = [(await keys.create('crowd')).key, (await keys.create('single')).key];
  const env = { REQRUN_KEYS_FILE: keys.path };
  const service = await startCrowdService(run, checkout, { env });
  const capMs = options.capSeconds * 1_000;
  const untilMs = Date.now() + capMs;
  let [turnedAway, answered] = [0, 0];
  const post = (key: string, user: string): ReturnType<typeof postUntilTaken> =>
    postUntilTaken(
      service.system().caller,
      crowdBody(model, { user }),
      { prefer: 'respond-async', ...bearer(key) },
      () => (turnedAway += 1),
    );
  const turns: number[] = [];
  try {
    await limited.limit(model, CASES.headers.plan.limits);
    await Promise.all(Array.from({ length: crowd }, () => post(ofCrowd, 'crowd')));
    await limited.untilCounts(model, (now) => now.answered >= FIRST_ANSWERED, capMs).catch(() => undefined);
    for (let nth = 0; nth < singles && Date.now() < untilMs; nth += 1) {
      const user = `single-${nth}`;
      await post(ofSingle, user);
      const acceptedAtMs = Date.now();
      const calledAtMs = await untilAdmitted(run, model, user, untilMs);
      const calls = (await limited.calls(model)).filter(
        (call) =>
          !call.refused && call.user === 'crowd' && call.atMs > acceptedAtMs && call.atMs < calledAtMs,
      );
      turns.push(calls.length);
      if (calledAtMs !== Infinity) answered += 1;
    }
  } finally {
    await service.stop();
    await keys.remove();
  }
  const { received, refused, answered: completed } = await limited.counts(model);
  const notCompleted = singles - answered;
  const figures = {
    completed,
    notCompleted,
    refused,
    callsPerCompletion: received / Math.max(1, completed),
    turns: notCompleted > 0 ? null : Math.max(...turns),
    turnedAway,
    errors: 0,
  };
  return { figures, firstError: null, series: [] };
}

/** Unix ms of the admitted call. Infinity if none came in time. */
async function untilAdmitted(
  { limited }: BenchRun,
  model: string,
  user: string,
  untilMs: number,
): Promise<number> {
  const find = async (): Promise<number> =>
    (await limited.calls(model)).find((call) => call.user === user && !call.refused)?.atMs ?? Infinity;
  for (;;) {
    const atMs = await find();
    if (atMs !== Infinity || Date.now() > untilMs) return atMs;
    await sleep(LOOK_MS);
  }
}
