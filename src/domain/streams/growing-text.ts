/** Characters after which the pieces of a growing text are joined. The pieces of a longer one are an eighth of it. */
const PIECE = 256;
const START = /^/;

/**
 * Appends to a text that grows by small pieces. V8 keeps such a text as a tree of its pieces: 60 bytes for each piece of
 * four characters (measured, Node 26). A regular expression joins them, because it needs one string. Each character is
 * copied about eight times.
 */
export function append(text: string, piece: string): string {
  const longer = text + piece;
  const step = Math.max(PIECE, 2 ** (29 - Math.clz32(longer.length)));
  if (Math.floor(text.length / step) !== Math.floor(longer.length / step)) START.test(longer);
  return longer;
}
