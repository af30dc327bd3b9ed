/** Where to stop in what a connection brings, so that it is parsed one request at a time. */
export interface RequestCuts {
  /** How many of the first bytes, at least one, hold the end of one head or one body at most. */
  next(chunk: Buffer): number;
  /** The head that ended last is followed by a body of so many bytes. */
  expectBody(length: number): void;
}

/** Ends every head, and every body in chunks; elsewhere a cut there does no harm. */
const END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

/** Cuts what comes; what it means is for the parser alone to say. */
export function createRequestCuts(): RequestCuts {
  let bodyLeft = 0;
  /** The last bytes before the chunk, where an end may have begun. */
  let tail: Buffer = NOTHING;
  return {
    next(chunk) {
      if (bodyLeft > 0) {
        const length = Math.min(bodyLeft, chunk.length);
        bodyLeft -= length;
        return length;
      }
      const end = endIn(tail, chunk);
      // A copy: of the chunk nothing is kept.
      tail = end === null ? lastOf(Buffer.concat([tail, lastOf(chunk)])) : NOTHING;
      return end ?? chunk.length;
    },
    expectBody(length) {
      bodyLeft = length;
    },
  };
}

/** Where the first end is over in the chunk; null where it has none. */
function endIn(tail: Buffer, chunk: Buffer): number | null {
  if (tail.length > 0) {
    const seam = Buffer.concat([tail, chunk.subarray(0, END.length - 1)]).indexOf(END);
    if (seam !== -1) return seam + END.length - tail.length;
  }
  const at = chunk.indexOf(END);
  return at === -1 ? null : at + END.length;
}

/** As much of the end of `bytes` as an end may have begun in. */
function lastOf(bytes: Buffer): Buffer {
  return bytes.subarray(Math.max(0, bytes.length - (END.length - 1)));
}
