import type { LoggedCall } from '../../test/support/limited-upstream/call-log.ts';
import type { HttpCaller } from '../load/http-call.ts';
import {
  type BenchRecord,
  postUntilTaken,
  readRecord,
  untilAnswered,
  untilTerminal,
} from '../load/durable-caller.ts';
import type { BenchRun } from '../rows/bench-run.ts';
import { atATime, warmUp } from '../rows/hold-calls.ts';
import type { LimitedCase } from './cases.ts';
import { crowdBody } from './crowd-body.ts';
import type { Found } from './crowd-measure.ts';
import { count, type CrowdResult, letGo } from './limited-case.ts';
import { type CrowdService, startCrowdService } from './start-crowd-service.ts';

/** GETs at once when all records are read. */
const READS_AT_ONCE = 20;

/** Measures a limited case with ReqRun. Its callers are held; if it is killed, they read the records later. */
export async function measureLimitedService(
  run: BenchRun,
  plan: LimitedCase,
  model: string,
  checkout: string | null,
): Promise<Found> {
  const service = await startCrowdService(run, checkout, { workers: plan.workers });
  await warmUp(run, service.system());
  let turnedAway = 0;
  const bodyOf = (nth: number): Buffer =>
    crowdBody(model, {
      user: String(nth),
      ...(plan.tokensOf === undefined ? {} : { tokens: plan.tokensOf(nth) }),
    });
  const onTurnedAway = (): void => void (turnedAway += 1);

  const hold = async (result: CrowdResult): Promise<void> => {
    const { caller } = service.system();
    await forEach(plan.callers, (nth) =>
      count(result, untilAnswered(caller, bodyOf(nth), `${model}-${nth}`, onTurnedAway)),
    );
  };
  const kill = async (result: CrowdResult): Promise<void> => {
    await forEach(plan.callers, async (nth) => {
      const headers = { prefer: 'respond-async', 'idempotency-key': `${model}-${nth}` };
      await postUntilTaken(service.system().caller, bodyOf(nth), headers, onTurnedAway);
    });
    const half = plan.callers / 2;
    const isHalf = run.limited.untilCounts(model, ({ answered }) => answered >= half, capMs(run));
    if (!(await isHalf.then(Boolean, () => false))) return;
    await service.killAndRestart();
    const { caller } = service.system();
    await forEach(plan.callers, async (nth) => {
      const record = await untilTerminal(caller, `${model}-${nth}`).catch(() => null);
      if (record?.status !== 'completed') return count(result, Promise.reject(new Error(record?.status)));
      result.completed += 1;
      result.lastAtMs = Math.max(result.lastAtMs, Date.parse(record.completed_at ?? ''));
    });
  };
  try {
    const { found } = await letGo(run, plan, model, plan.killed === true ? kill : hold);
    const records = await readAll(service, model, plan.callers);
    const unknownAttempts = [...records.values()].reduce((sum, record) => sum + record.unknown_attempts, 0);
    const unknownOfWaiting = withoutCall(records, await run.limited.calls(model));
    return { ...found, figures: { ...found.figures, turnedAway, unknownAttempts, unknownOfWaiting } };
  } finally {
    await service.stop();
  }
}

const capMs = ({ options }: BenchRun): number => options.capSeconds * 1_000;

function forEach(callers: number, act: (nth: number) => Promise<void>): Promise<unknown> {
  return Promise.all(Array.from({ length: callers }, (_, nth) => act(nth)));
}

/** Unknown attempts of requests that have more attempts than the upstream received calls. */
function withoutCall(records: ReadonlyMap<number, BenchRecord>, calls: readonly LoggedCall[]): number {
  const received = Map.groupBy(calls, ({ user }) => Number(user));
  return [...records].reduce((sum, [nth, record]) => {
    const more = record.attempts - (received.get(nth)?.length ?? 0);
    return sum + Math.min(record.unknown_attempts, Math.max(0, more));
  }, 0);
}

/** All records, by the number of their caller. */
async function readAll(
  service: CrowdService,
  model: string,
  callers: number,
): Promise<Map<number, BenchRecord>> {
  const records = new Map<number, BenchRecord>();
  const caller: HttpCaller = service.system().caller;
  await atATime(callers, READS_AT_ONCE, async (nth) => {
    // A request that was never accepted has no record.
    const record = await readRecord(caller, `${model}-${nth}`).catch(() => null);
    if (record !== null) records.set(nth, record);
  });
  return records;
}
