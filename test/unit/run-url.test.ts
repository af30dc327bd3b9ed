/** The record's link to the Temporal UI. What is expected here was found with the UI (2.50.1) in a browser. */
import { describe, expect, it } from 'vitest';
import { runUrl } from '../../src/temporal/run-state/to-record.ts';

const settings = { namespace: 'default', uiUrl: 'http://127.0.0.1:8233' };
const idIn = (workflowId: string): string | undefined =>
  runUrl(settings, workflowId, 'run')?.replace(/^.*\/workflows\/(.*)\/run\/history$/, '$1');
const GRAMMAR = Array.from({ length: 0x7f - 0x21 }, (_, index) => String.fromCharCode(0x21 + index));
/** What the UI's pages and its server encode in different ways: with one of them an id is decoded once. */
const DECODED_ONCE = [..."!'()*$&+,/:;=@"];

describe('the link to a run', () => {
  it.each(GRAMMAR.filter((character) => character !== '%'))('has %s of an id encoded once', (character) => {
    expect(idIn(`k${character}x`)).toBe(encodeURIComponent(`k${character}x`));
  });

  it.each(GRAMMAR.filter((character) => !DECODED_ONCE.includes(character)))(
    'has a %% beside %s encoded twice, because the UI decodes such an id twice',
    (character) => {
      const expected = encodeURIComponent(`%${character}4`.replaceAll('%', '%25'));
      expect(idIn(`%${character}4`)).toBe(expected);
      expect(decodeURIComponent(decodeURIComponent(expected))).toBe(`%${character}4`);
    },
  );

  it.each(DECODED_ONCE)(
    'has a %% beside %s encoded once, because the UI decodes such an id once',
    (character) => {
      expect(idIn(`%${character}4`)).toBe(encodeURIComponent(`%${character}4`));
    },
  );

  it('of a named project has every id encoded once, for the @ and / before it', () => {
    expect(idIn('@billing/100%25')).toBe('%40billing%2F100%2525');
    expect(idIn('100%25')).toBe('100%252525');
  });

  it('is none where the UI is not known', () => {
    expect(runUrl({ ...settings, uiUrl: null }, 'id', 'run')).toBe(null);
  });
});
