/** Where what a connection brings is cut, in whatever pieces it comes. */
import { describe, expect, it } from 'vitest';
import { createRequestCuts } from '../../src/http/edge/request-cuts.ts';

/** What is passed on, piece by piece; a head that says so is followed by a body, as the parser would tell. */
function cutAll(chunks: readonly string[]): string[] {
  const cuts = createRequestCuts();
  const pieces: string[] = [];
  let head = '';
  for (const chunk of chunks) {
    let rest = Buffer.from(chunk);
    while (rest.length > 0) {
      const piece = rest.subarray(0, cuts.next(rest)).toString();
      rest = rest.subarray(piece.length);
      pieces.push(piece);
      head += piece;
      if (!head.endsWith('\r\n\r\n')) continue;
      cuts.expectBody(Number(/length: (\d+)/.exec(head)?.[1] ?? 0));
      head = '';
    }
  }
  return pieces;
}

const FIRST = 'GET /a\r\n\r\n';
const SECOND = 'GET /b\r\n\r\n';

describe('what a connection brings', () => {
  it('is cut behind every head, so that the next one can wait', () => {
    expect(cutAll([FIRST + SECOND + SECOND])).toEqual([FIRST, SECOND, SECOND]);
  });

  it('is cut there wherever it was in pieces, also within the end of a head', () => {
    const all = FIRST + SECOND;
    for (let one = 1; one < all.length; one += 1) {
      for (let other = one; other < all.length; other += 1) {
        const pieces = cutAll([all.slice(0, one), all.slice(one, other), all.slice(other)]);
        expect(pieces.join('')).toBe(all);
        // No piece reaches across the end of the first.
        let at = 0;
        expect(pieces.map((piece) => (at += piece.length))).toContain(FIRST.length);
      }
    }
  });

  it('is not cut within a body, whatever is in it, and again right behind it', () => {
    const body = '\r\n\r\nGET /c\r\n\r\n';
    const post = `POST /\r\nlength: ${body.length}\r\n\r\n`;
    expect(cutAll([post + body + SECOND])).toEqual([post, body, SECOND]);
    expect(cutAll([post, body.slice(0, 3), body.slice(3) + SECOND])).toEqual([
      post,
      body.slice(0, 3),
      body.slice(3),
      SECOND,
    ]);
  });
});
