import { readFileSync } from 'node:fs';
import { PAGES, ROOT } from '../../scripts/pages.ts';

/** A page of the documentation, as far as its tests look at it. */
export interface Page {
  /** Relative to the project's folder. */
  readonly path: string;
  readonly text: string;
  /** As GitHub makes them of the headings. */
  readonly anchors: readonly string[];
  /** Targets of links and images, as they are written. */
  readonly links: readonly string[];
  readonly blocks: readonly CodeBlock[];
  /** Paragraphs and items of lists, each in one line; no tables, headings or code. */
  readonly paragraphs: readonly string[];
}

export interface CodeBlock {
  readonly page: string;
  readonly language: string;
  readonly code: string;
  /** What the marker above it says; null where there is none. */
  readonly run: RunMarker | null;
}

/** `<!-- run: text -->` or `<!-- run with keys: text -->`; the text is expected in the output. */
export interface RunMarker {
  readonly withKeys: boolean;
  readonly expected: string;
}

const BLOCK =
  /(?:<!-- run(?<keys> with keys)?(?:: (?<expected>[^\n]+?))? (?<marked>-->)\n\n)?^```(?<language>\w*)\n(?<code>.*?)^```$/gms;

export function readPages(): readonly Page[] {
  return PAGES.map((path) => readPage(path, readFileSync(ROOT + path, 'utf8')));
}

/** @throws Error if there is no such page */
export function page(path: string): Page {
  const found = readPages().find((one) => one.path === path);
  if (found === undefined) throw new Error(`there is no page ${path}`);
  return found;
}

function readPage(path: string, text: string): Page {
  const prose = text.replace(BLOCK, '');
  return {
    path,
    text,
    anchors: anchorsOf(prose),
    links: [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? ''),
    blocks: [...text.matchAll(BLOCK)].map(({ groups = {} }) => toBlock(path, groups)),
    paragraphs: prose
      .split(/\n\n+|\n(?=- |\d+\. )/)
      .map((paragraph) => paragraph.trim())
      .filter((paragraph) => paragraph !== '' && !/^[|#<]/.test(paragraph)),
  };
}

function toBlock(page: string, found: Record<string, string | undefined>): CodeBlock {
  const { keys, expected = '', marked, language = '', code = '' } = found;
  return {
    page,
    language,
    code,
    run: marked === undefined ? null : { withKeys: keys !== undefined, expected },
  };
}

/** Lower case, without punctuation, with hyphens for spaces; a second one of the same name gets a number. */
function anchorsOf(prose: string): readonly string[] {
  const seen = new Map<string, number>();
  return [...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}

/** The rows of every table on a page whose first cell matches, by their cells. */
export function tableRows({ text }: Page, firstCell: RegExp): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([first = '']) => firstCell.test(first));
}
