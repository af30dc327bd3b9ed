import { memoryOf, total } from '../machine/usage.ts';
import type { BenchRun } from '../rows/bench-run.ts';
import { atATime, warmUp } from '../rows/hold-calls.ts';
import { crowdBody } from './crowd-body.ts';
import type { Found } from './crowd-measure.ts';
import { UNLIMITED_CALL_MS } from './door-case.ts';
import { startCrowdService } from './start-crowd-service.ts';

/** Posts that are not answered at the same time. */
const POSTS_AT_ONCE = 1_000;
const SAMPLE_MS = 1_000;
const MIB = 2 ** 20;

/** Measures asynchronous POSTs that follow each other as fast as they are taken, and their completion. */
export async function measurePosts(run: BenchRun, model: string, checkout: string | null): Promise<Found> {
  const { limited, options } = run;
  const { posts } = options;
  const service = await startCrowdService(run, checkout);
  await warmUp(run, service.system());
  await limited.limit(model, { callMs: UNLIMITED_CALL_MS });
  const { caller, pid } = service.system();
  const memory = (): number => total(memoryOf(pid ?? 0)) / MIB;
  const memoryBeforeMiB = memory();
  const samples: { posted: number; mib: number }[] = [];
  let [posted, errors] = [0, 0];
  let firstError: string | null = null;
  const body = crowdBody(model);
  const startedMs = Date.now();
  const timer = setInterval(() => samples.push({ posted, mib: memory() }), SAMPLE_MS);
  try {
    await atATime(posts, POSTS_AT_ONCE, async () => {
      const answer = await caller
        .post(body, { prefer: 'respond-async' })
        .catch((error: unknown) => ({ status: 0, text: String(error) }));
      posted += 1;
      if (answer.status === 202) return;
      errors += 1;
      firstError ??= `${answer.status} ${answer.text.slice(0, 200)}`;
    });
    const takenSeconds = (Date.now() - startedMs) / 1_000;
    clearInterval(timer);
    const most = (from: number, to: number): number =>
      Math.max(...samples.filter((one) => one.posted >= from && one.posted < to).map(({ mib }) => mib));
    const accepted = posts - errors;
    await limited
      .untilCounts(model, ({ answered }) => answered >= accepted, options.capSeconds * 1_000)
      .catch(() => undefined);
    const { answered, received, lastAnsweredAtMs } = await limited.counts(model);
    const acceptedPerSecond = accepted / takenSeconds;
    const completedPerSecond = (answered * 1_000) / (lastAnsweredAtMs - startedMs);
    const figures = {
      completed: answered,
      notCompleted: accepted - answered,
      errors,
      callsPerCompletion: received / Math.max(1, answered),
      acceptedPerSecond,
      completedPerSecond,
      acceptedAgainstCompleted: acceptedPerSecond / completedPerSecond,
      seconds: answered < accepted ? null : (lastAnsweredAtMs - startedMs) / 1_000,
      memoryBeforeMiB,
      memoryMostMiB: most(0, Infinity),
      memoryGrowth: most(posts / 2, Infinity) / most(0, posts / 2),
    };
    return { figures, firstError, series: [] };
  } finally {
    clearInterval(timer);
    await service.stop();
  }
}
