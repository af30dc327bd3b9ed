import { describe, expect, it } from 'vitest';
import { RequestOptions, withinCaps } from '../../src/domain/options.ts';
import { NO_CAPS } from '../../src/domain/project.ts';

const CAPS = { deadline_seconds: 600, max_attempts: 5 };

describe("a project's caps", () => {
  it.each([
    ['lower the defaults', {}, { deadline_seconds: 600, max_attempts: 5 }],
    [
      'take "no limit" for what was not said',
      { max_attempts: null },
      { deadline_seconds: 600, max_attempts: 5 },
    ],
    [
      'leave what is within',
      { deadline_seconds: 600, max_attempts: 1 },
      { deadline_seconds: 600, max_attempts: 1 },
    ],
  ])('%s', (_what, given, expected) => {
    expect(withinCaps(RequestOptions.parse(given), given, CAPS)).toEqual({
      ...RequestOptions.parse({}),
      ...expected,
    });
  });

  it.each([{ deadline_seconds: 601 }, { max_attempts: 6 }])('refuse what was asked for: %j', (given) => {
    expect(() => withinCaps(RequestOptions.parse(given), given, CAPS)).toThrow(
      expect.objectContaining({ code: 'invalid_value', param: `reqrun.${Object.keys(given)[0]}` }),
    );
  });

  it('change nothing where there are none', () => {
    const options = RequestOptions.parse({ deadline_seconds: 604_800 });
    expect(withinCaps(options, options, NO_CAPS)).toEqual(options);
  });
});
