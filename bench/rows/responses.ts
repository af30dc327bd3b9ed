import { createHttpCaller, type HttpAnswer } from '../load/http-call.ts';
import { PROMPT_BYTES, promptOf } from '../load/load.ts';
import { median, quantile } from '../load/run-load.ts';
import { cpuMsOf, growth, total } from '../machine/usage.ts';
import { startService } from '../systems/start-service.ts';
import { type BenchRun, modelOf, newPlace } from './bench-run.ts';

/** Ways to make a call. Those of a pair are compared. */
const HELD = ['chat', 'responses'] as const;
const ACCEPTED = ['chat 202', 'background'] as const;
type Way = (typeof HELD)[number] | (typeof ACCEPTED)[number];

/** What one way took; medians of the rounds. */
export interface WayMeasure {
  readonly way: Way;
  /** Of the answer to the POST: over what the upstream takes itself, where the call is held for it. */
  readonly p50Ms: number;
  /** For the whole process tree, with several callers. Null = not held, so the work goes on after the answer. */
  readonly cpuMsPerRequest: number | null;
  readonly errors: number;
}

/** The ways, and the ratios of each pair as medians of the rounds. */
export interface ResponsesMeasure {
  readonly ways: readonly WayMeasure[];
  readonly addedP50: number;
  readonly cpu: number;
  readonly accepted: number;
}

/** Callers at once where CPU is measured. */
const CALLERS = 16;

type Call = () => Promise<number>;

/**
 * Compares Responses with chat completions on one service: a held call with a held call, and a create with background
 * with a 202. One call at a time, the calls of a pair take turns, so that a disturbance of the machine meets both. Every
 * call is a new request.
 */
export async function measureResponses(
  run: BenchRun<'rounds' | 'seconds' | 'warmUpSeconds' | 'delayMs'>,
): Promise<ResponsesMeasure> {
  const { options, around, say } = run;
  const place = await newPlace(run);
  const service = await startService(place, around.upstreamURL);
  const model = modelOf(options.delayMs);
  const [chat, response, background] = [promptOf(model), responseOf(model, false), responseOf(model, true)];
  const responses = createHttpCaller(`http://127.0.0.1:${place.ports[0]}/v1/responses`);
  const direct = createHttpCaller(`${around.upstreamURL}/chat/completions`);
  let errors = 0;
  const expecting = (status: number, post: () => Promise<HttpAnswer>): Call => {
    return async () => {
      const startedMs = performance.now();
      const answer = await post();
      if (answer.status !== status) errors += 1;
      return performance.now() - startedMs;
    };
  };
  const calls: Readonly<Record<Way, Call>> = {
    chat: expecting(200, () => service.caller.post(chat)),
    responses: expecting(200, () => responses.post(response)),
    'chat 202': expecting(202, () => service.caller.post(chat, { prefer: 'respond-async' })),
    background: expecting(200, () => responses.post(background)),
  };
  const upstreamCall = expecting(200, () => direct.post(chat));
  const pairOf = (ways: readonly Way[]): readonly Call[] => ways.map((way) => calls[way]);
  const cpuOf = async (way: Way): Promise<number> => {
    const before = cpuMsOf(service.pid ?? 0);
    const count = await crowd(calls[way], options.seconds * 1_000);
    return total(growth(before, cpuMsOf(service.pid ?? 0), count));
  };

  for (const way of HELD) await crowd(calls[way], (options.warmUpSeconds / HELD.length) * 1_000);
  const rounds: Round[] = [];
  for (let nth = 1; nth <= options.rounds; nth += 1) {
    const [upstreamMs = NaN] = await takeTurns([upstreamCall], 500);
    const [chatMs = NaN, responsesMs = NaN] = await takeTurns(pairOf(HELD), 2 * options.seconds * 1_000);
    const [acceptedMs = NaN, backgroundMs = NaN] = await takeTurns(
      pairOf(ACCEPTED),
      2 * options.seconds * 1_000,
    );
    // The first of a round is not always the same.
    const order: readonly Way[] = nth % 2 === 0 ? HELD : HELD.toReversed();
    const cpu = new Map<Way, number>();
    for (const way of order) cpu.set(way, await cpuOf(way));
    const p50Ms = {
      chat: chatMs - upstreamMs,
      responses: responsesMs - upstreamMs,
      'chat 202': acceptedMs,
      background: backgroundMs,
    };
    rounds.push({ p50Ms, cpuMs: { chat: cpu.get('chat') ?? NaN, responses: cpu.get('responses') ?? NaN } });
    say(`round ${nth}/${options.rounds} ${describe(rounds.at(-1))}`);
  }
  await Promise.all([service.stop(), responses.close(), direct.close()]);
  return summarise(rounds, errors);
}

interface Round {
  readonly p50Ms: Readonly<Record<Way, number>>;
  readonly cpuMs: Readonly<Record<(typeof HELD)[number], number>>;
}

function summarise(rounds: readonly Round[], errors: number): ResponsesMeasure {
  const over = (of: (round: Round) => number): number => median(rounds.map(of));
  const held = HELD.map((way) => ({ way, cpuMsPerRequest: over(({ cpuMs }) => cpuMs[way]) }));
  const accepted = ACCEPTED.map((way) => ({ way, cpuMsPerRequest: null }));
  return {
    ways: [...held, ...accepted].map((one) => ({
      ...one,
      p50Ms: over(({ p50Ms }) => p50Ms[one.way]),
      errors,
    })),
    addedP50: over(({ p50Ms }) => p50Ms.responses / p50Ms.chat),
    cpu: over(({ cpuMs }) => cpuMs.responses / cpuMs.chat),
    accepted: over(({ p50Ms }) => p50Ms.background / p50Ms['chat 202']),
  };
}

/** Makes the calls in turns, one at a time, and resolves to the p50 of each. */
async function takeTurns(calls: readonly Call[], forMs: number): Promise<number[]> {
  const endMs = performance.now() + forMs;
  const taken: number[][] = calls.map(() => []);
  for (let turn = 0; performance.now() < endMs; turn += 1) {
    for (const nth of calls.keys()) {
      const at = (nth + turn) % calls.length;
      const ms = await calls[at]?.();
      if (ms !== undefined) taken[at]?.push(ms);
    }
  }
  return taken.map((latenciesMs) => quantile(latenciesMs, 0.5));
}

/** Makes one call from several callers, and resolves to how many were made. */
async function crowd(call: Call, forMs: number): Promise<number> {
  const endMs = performance.now() + forMs;
  let count = 0;
  const caller = async (): Promise<void> => {
    for (; performance.now() < endMs; count += 1) await call();
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return count;
}

/** The call of {@link promptOf} as a Response of the same size. */
function responseOf(model: string, background: boolean): Buffer {
  const bodyOf = (input: string): Buffer =>
    Buffer.from(
      JSON.stringify({
        model,
        instructions: 'Answer with one word: billing, technical or other.',
        input,
        temperature: 0,
        max_output_tokens: 16,
        ...(background ? { background } : {}),
      }),
    );
  return bodyOf('x'.repeat(Math.max(0, PROMPT_BYTES - bodyOf('').length)));
}

function describe(round: Round | undefined): string {
  const shown = (figures: object): string =>
    Object.entries(figures)
      .map(([name, ms]) => `${name} ${Number(ms).toFixed(1)}`)
      .join(', ');
  return round === undefined ? '' : `p50 ms: ${shown(round.p50Ms)}; CPU ms: ${shown(round.cpuMs)}`;
}
