import { CASES, type CaseName } from '../crowd/cases.ts';
import type { Contender, CrowdMeasure } from '../crowd/crowd-measure.ts';
import type { Machine } from '../machine/describe-machine.ts';
import { format } from './figures.ts';
import { FAINT, page, text } from './svg.ts';

const WIDTH = 960;
const MARGIN = { left: 56, right: 28 };
const HEAD_HEIGHT = 96;
const PANEL = { height: 130, titleHeight: 24, after: 38 };
/** The case in which requests that pace themselves never end. */
const PICTURED = 'small-bucket' satisfies CaseName;
/** Seconds that the picture shows. */
const SHOWN_SECONDS = 200;
const TICK_SECONDS = 20;
const LIMIT_PER_SECOND = 10;
const ANSWERED = '#1f6feb';
const REFUSED = '#d1544b';
const TITLES: Readonly<Partial<Record<Contender, string>>> = {
  sdk: "The official SDK's own retries (10)",
  before: 'ReqRun before: each request paced itself',
  service: 'ReqRun: one lane paces all of them',
};
const PANELS: readonly Contender[] = ['sdk', 'before', 'service'];

/**
 * Draws the calls a second that the upstream received in one case, one panel for each contender. Refused
 * calls stand on the answered ones. Each panel has its own scale.
 */
export function toCrowdSvg(measures: readonly CrowdMeasure[], machine: Machine): string {
  const shown = PANELS.flatMap(
    (contender) => measures.find((one) => one.case === PICTURED && one.contender === contender) ?? [],
  );
  const step = PANEL.titleHeight + PANEL.height + PANEL.after;
  const height = HEAD_HEIGHT + shown.length * step + 4;
  const { cpu, cores, memoryGiB } = machine;
  const { callers } = CASES[PICTURED].plan;
  return page(WIDTH, height, [
    text(MARGIN.left, 34, `${callers} requests at once, a limit of ${LIMIT_PER_SECOND} calls a second`, {
      size: 19,
      bold: true,
    }),
    text(
      MARGIN.left,
      55,
      `Calls a second that the upstream received. Refused calls count against its limit.`,
      {
        size: 12,
        colour: FAINT,
      },
    ),
    ...legend(78),
    text(WIDTH - MARGIN.right, 78, `${cpu}, ${cores} cores, ${memoryGiB} GiB`, {
      size: 11.5,
      colour: FAINT,
      anchor: 'end',
    }),
    ...shown.flatMap((measure, nth) => drawPanel(measure, HEAD_HEIGHT + nth * step)),
  ]);
}

function legend(y: number): string[] {
  const item = (x: number, colour: string, words: string): string[] => [
    `<rect x="${x}" y="${y - 10}" width="11" height="11" fill="${colour}"/>`,
    text(x + 16, y, words, { size: 12 }),
  ];
  return [
    ...item(MARGIN.left, ANSWERED, 'answered'),
    ...item(MARGIN.left + 88, REFUSED, 'refused with 429'),
    `<line x1="${MARGIN.left + 220}" x2="${MARGIN.left + 240}" y1="${y - 4}" y2="${y - 4}" stroke="${FAINT}" stroke-dasharray="4 3"/>`,
    text(MARGIN.left + 246, y, 'the limit', { size: 12 }),
  ];
}

function drawPanel({ contender, commit, figures, series }: CrowdMeasure, top: number): string[] {
  const left = MARGIN.left;
  const room = WIDTH - left - MARGIN.right;
  const base = top + PANEL.titleHeight + PANEL.height;
  const seconds = series.slice(0, SHOWN_SECONDS);
  const most = Math.max(2 * LIMIT_PER_SECOND, ...seconds.map(([received]) => received));
  const slot = room / SHOWN_SECONDS;
  const bar = (x: number, from: number, calls: number, colour: string): string[] => {
    const [height, offset] = [(calls / most) * PANEL.height, (from / most) * PANEL.height];
    if (calls === 0) return [];
    return [
      `<rect x="${x.toFixed(1)}" y="${(base - offset - height).toFixed(1)}" width="${(slot * 0.85).toFixed(1)}" height="${height.toFixed(1)}" fill="${colour}"/>`,
    ];
  };
  const bars = seconds.flatMap(([received, refused], second) => {
    const x = left + second * slot;
    const answered = received - refused;
    return [...bar(x, 0, answered, ANSWERED), ...bar(x, answered, refused, REFUSED)];
  });
  const limitY = (base - (LIMIT_PER_SECOND / most) * PANEL.height).toFixed(1);
  const { completed, refused, seconds: took, timeAgainstIdeal } = figures;
  const end =
    typeof took === 'number' && typeof timeAgainstIdeal === 'number'
      ? `all in ${format(took)} s, ${format(timeAgainstIdeal)} x the ideal`
      : `${completed ?? 0} of ${CASES[PICTURED].plan.callers} completed when ${contender === 'sdk' ? 'the others had given up' : 'it was stopped'}`;
  const ticks = Array.from({ length: SHOWN_SECONDS / TICK_SECONDS + 1 }, (_, nth) => nth * TICK_SECONDS);
  return [
    text(
      left,
      top + 12,
      `${TITLES[contender] ?? contender}${contender === 'sdk' || commit === null ? '' : ` (${commit})`}`,
      {
        size: 13.5,
        bold: true,
      },
    ),
    text(WIDTH - MARGIN.right, top + 12, `${end}; ${format(refused ?? 0)} refused`, {
      size: 12,
      anchor: 'end',
    }),
    `<line x1="${left}" x2="${WIDTH - MARGIN.right}" y1="${base}" y2="${base}" stroke="${FAINT}"/>`,
    ...bars,
    `<line x1="${left}" x2="${WIDTH - MARGIN.right}" y1="${limitY}" y2="${limitY}" stroke="${FAINT}" stroke-dasharray="4 3"/>`,
    text(left - 8, base - PANEL.height + 4, String(most), { size: 11, colour: FAINT, anchor: 'end' }),
    text(left - 8, base, '0', { size: 11, colour: FAINT, anchor: 'end' }),
    ...ticks.map((second) =>
      text(left + second * slot, base + 15, `${second} s`, {
        size: 11,
        colour: FAINT,
        ...(second === SHOWN_SECONDS ? { anchor: 'end' as const } : {}),
      }),
    ),
  ];
}
