import OpenAI from 'openai';
import type { BenchRun } from '../rows/bench-run.ts';
import { atATime } from '../rows/hold-calls.ts';
import type { LimitedCase } from './cases.ts';
import type { Found } from './crowd-measure.ts';
import { count, letGo } from './limited-case.ts';

/** What users do without a service: many retries, or a guess at how many calls at once fit the limit. */
const ALONE = {
  sdk: { maxRetries: 10, atOnce: Infinity },
  'p-limit': { maxRetries: 2, atOnce: 10 },
} as const;

/** Measures a limited case with the official SDK in this process, straight at the upstream. */
export async function measureLimitedAlone(
  run: BenchRun,
  plan: LimitedCase,
  model: string,
  contender: keyof typeof ALONE,
): Promise<Found> {
  const { maxRetries, atOnce } = ALONE[contender];
  const openai = new OpenAI({ baseURL: run.limited.baseURL, apiKey: 'none', maxRetries });
  const call = () =>
    openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'billing or technical?' }] });
  const { found } = await letGo(run, plan, model, (result) =>
    atATime(plan.callers, Math.min(atOnce, plan.callers), () => count(result, call())),
  );
  return found;
}
