import fc from 'fast-check';
import { jsonText } from './json-text.ts';

/** Stands for the number of the run, so that no two of them share a model or a key. */
export const RUN = '__RUN__';

/** The text of a body, and what the upstream is to get of it. */
export interface Body {
  readonly sent: string;
  /** The same members in the same text, without those that are ReqRun's own. */
  readonly passedOn: string;
}

interface Part {
  readonly text: string;
  readonly isOwn: boolean;
}

const passedOn = (text: string): Part => ({ text, isOwn: false });
const own = (text: string): Part => ({ text, isOwn: true });
/** Mostly `usual`. */
const mostly = (usual: string, weight = 20): fc.Arbitrary<string> =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: jsonText });

/** Null otherwise. */
const oneIn = <T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 10, arbitrary }, { weight: Math.round(10 * (times - 1)), arbitrary: fc.constant(null) });

const model = mostly(`"m${RUN}"`).map((value) => passedOn(`"model":${value}`));
const asString = jsonText.map((text) => JSON.stringify(text));
const messages = fc
  .tuple(
    mostly('"user"', 30),
    fc.oneof({ weight: 12, arbitrary: asString }, { weight: 1, arbitrary: jsonText }),
  )
  .chain(([role, content]) => mostly(`[{"role":${role},"content":${content}}]`))
  .map((value) => passedOn(`"messages":${value}`));
const unknown = fc
  .tuple(fc.string({ unit: 'grapheme', minLength: 1 }), jsonText)
  .map(([name, value]) => passedOn(`${JSON.stringify(name)}: ${value}`));
const key = fc
  .oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ minLength: 240, maxLength: 260 }))
  .map((text) => own(`"idempotency_key":${JSON.stringify(`k${text}${RUN}`)}`));
const wait = mostly('20', 12).map((value) => own(`"wait": ${value}`));
const reqrun = mostly('{"deadline_seconds":60,"max_attempts":2}', 12).map((value) =>
  own(`"reqrun":${value}`),
);
const SPACE = fc.constantFrom('', '', ' ', '\n\t');

/** Chat completions as callers send them, and as no caller should. */
export const body: fc.Arbitrary<Body> = fc
  .tuple(
    fc.tuple(model, messages),
    fc.array(unknown, { maxLength: 2 }),
    oneIn(1.3, wait),
    oneIn(2, key),
    oneIn(2, reqrun),
    oneIn(15, fc.constantFrom('"model":"again"', '"stream":true', '"n":0').map(passedOn)),
  )
  .map(([required, others, ...optional]) => [
    ...required,
    ...others,
    ...optional.filter((part) => part !== null),
  ])
  .chain((parts) => fc.tuple(fc.shuffledSubarray(parts, { minLength: parts.length }), SPACE, SPACE))
  .map(([parts, before, after]) => {
    const kept = parts.filter(({ isOwn }) => !isOwn);
    // Where nothing is cut out, the text stays as it was, spaces between the members included.
    const separator = kept.length === parts.length ? `${after},${before}` : ',';
    const textOf = (some: readonly Part[], between: string): string =>
      `${before}{${before}${some.map(({ text }) => text).join(between)}${after}}${after}`;
    return { sent: textOf(parts, `${after},${before}`), passedOn: textOf(kept, separator) };
  });
