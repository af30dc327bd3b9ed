import type { Machine } from '../machine/describe-machine.ts';
import { SYSTEM_WORDS, type SystemName } from '../systems/system.ts';
import { type FigureRow, FIGURES, format } from './figures.ts';
import type { Summary } from './summary.ts';
import { FAINT, page, text } from './svg.ts';

const WIDTH = 960;
const COLUMNS = 2;
const MARGIN = 28;
const PANEL = { width: (WIDTH - 3 * MARGIN) / COLUMNS, titleHeight: 26, barHeight: 17, barGap: 6, after: 22 };
const NAME_WIDTH = 62;
const VALUE_WIDTH = 64;
const HEAD_HEIGHT = 78;
const COLOURS: Readonly<Record<SystemName, string>> = {
  direct: '#b8bec7',
  plain: '#98a1ad',
  floor: '#7d8794',
  naive: '#c98f5a',
  service: '#1f6feb',
  restate: '#5b8f7b',
};

/**
 * Draws the figures that several systems have as an SVG with one panel each. It is readable on light and dark
 * pages.
 */
export function toSvg(
  summaries: readonly Summary[],
  machine: Machine,
  delayMs: number,
  date: string,
): string {
  const panels = FIGURES.filter(
    ({ of, title }) => !title.startsWith('…') && summaries.filter((one) => of(one) !== null).length > 1,
  );
  const rows: FigureRow[][] = [];
  for (let at = 0; at < panels.length; at += COLUMNS) rows.push(panels.slice(at, at + COLUMNS));
  const drawn: string[] = [];
  let top = HEAD_HEIGHT;
  for (const row of rows) {
    row.forEach((panel, column) =>
      drawn.push(drawPanel(panel, summaries, MARGIN + column * (PANEL.width + MARGIN), top)),
    );
    top += Math.max(...row.map((panel) => heightOf(panel, summaries)));
  }
  const legend = summaries.filter(({ system }) => system !== 'direct');
  drawn.push(
    ...legend.map(({ system }, nth) =>
      text(MARGIN, top + 8 + nth * 17, `${system}: ${SYSTEM_WORDS[system]}`, { size: 11.5, colour: FAINT }),
    ),
  );
  const height = top + legend.length * 17 + 18;
  const { cpu, cores, memoryGiB, disk, node } = machine;
  const where = `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${disk}; Node ${node}; ${date.slice(0, 10)}${machine.commit === null ? '' : `, ${machine.commit}`}`;
  return page(WIDTH, height, [
    text(MARGIN, 34, `What durability costs: an upstream that takes ${delayMs} ms`, { size: 19, bold: true }),
    text(MARGIN, 55, where, { size: 11.5, colour: FAINT }),
    ...drawn,
  ]);
}

function heightOf({ of }: FigureRow, summaries: readonly Summary[]): number {
  const bars = summaries.filter((one) => of(one) !== null).length;
  return PANEL.titleHeight + bars * (PANEL.barHeight + PANEL.barGap) + PANEL.after;
}

function drawPanel(
  { title, unit, better, of }: FigureRow,
  summaries: readonly Summary[],
  left: number,
  top: number,
): string {
  const bars = summaries.flatMap((one) => {
    const value = of(one);
    return value === null ? [] : [{ system: one.system, value: Math.max(0, value) }];
  });
  const most = Math.max(...bars.map(({ value }) => value)) || 1;
  const room = PANEL.width - NAME_WIDTH - VALUE_WIDTH;
  const lines = bars.map(({ system, value }, nth) => {
    const y = top + PANEL.titleHeight + nth * (PANEL.barHeight + PANEL.barGap);
    const width = Math.max(1, (value / most) * room);
    const bold = system === 'service';
    const baseline = y + PANEL.barHeight - 4.5;
    return [
      text(left + NAME_WIDTH - 8, baseline, system, { size: 12, bold, anchor: 'end' }),
      `<rect x="${left + NAME_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${PANEL.barHeight}" rx="2" fill="${COLOURS[system]}"/>`,
      text(left + NAME_WIDTH + width + 6, baseline, `${format(value)} ${unit}`, { size: 12, bold }),
    ].join('\n');
  });
  const heading = text(left, top + 10, title, { size: 13, bold: true });
  const hint = text(left + PANEL.width, top + 10, `${better} is better`, {
    size: 11,
    colour: FAINT,
    anchor: 'end',
  });
  return [heading, hint, ...lines].join('\n');
}
