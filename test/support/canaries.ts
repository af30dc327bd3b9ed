import { randomBytes } from 'node:crypto';

/** A place in which something could have been left behind. */
export interface Place {
  readonly name: string;
  readonly content: Buffer;
  /** What stands there by right; without it the place was not really looked at. */
  readonly witness: string;
}

/** Texts that must stay inside, each with a name that tells where it was put in. */
export interface Canaries {
  /** A new one; the same text for the same name. */
  plant(name: string): string;
  /** A secret that somebody else made. */
  watch(name: string, secret: string): void;
  /** `<place>: <canary>` for each that is found; `<place>: not looked at` for a place without its witness. */
  findIn(places: readonly Place[]): string[];
}

export function createCanaries(): Canaries {
  const planted = new Map<string, string>();
  return {
    plant(name) {
      const text = planted.get(name) ?? `canary${randomBytes(9).toString('hex')}`;
      planted.set(name, text);
      return text;
    },
    watch: (name, secret) => void planted.set(name, secret),
    findIn: (places) =>
      places.flatMap(({ name, content, witness }) => {
        if (!content.includes(witness)) return [`${name}: not looked at`];
        return [...planted]
          .filter(([, text]) => holds(content, text))
          .map(([canary]) => `${name}: ${canary}`);
      }),
  };
}

/** As it is, and as JSON in JSON, a URL or base64 within a text would carry it: at any of its three offsets. */
function holds(content: Buffer, text: string): boolean {
  const inBase64 = [0, 1, 2].map((offset) => {
    const encoded = Buffer.from(' '.repeat(offset) + text).toString('base64');
    // What is shared with the bytes around it is left out.
    return encoded.slice(offset === 0 ? 0 : 4, -4);
  });
  return [text, ...inBase64].some((form) => content.includes(form));
}
