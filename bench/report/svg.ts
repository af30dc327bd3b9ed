/** Colour of text and of lines that must be read. */
export const INK = '#1b1f24';
/** Colour of remarks and grids. */
export const FAINT = '#656d76';

export interface TextStyle {
  readonly size: number;
  readonly bold?: boolean;
  readonly colour?: string;
  readonly anchor?: 'start' | 'end';
}

/** Draws a text of an SVG, escaped. */
export function text(
  x: number,
  y: number,
  content: string,
  { size, bold = false, colour = INK, anchor = 'start' }: TextStyle,
): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const weight = bold ? ' font-weight="600"' : '';
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}"${weight} fill="${colour}" text-anchor="${anchor}">${escaped}</text>`;
}

/** Wraps drawn elements in an SVG with a white page, so that it is readable on light and dark pages. */
export function page(width: number, height: number, drawn: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}
