/** What the log says of a fault of ours: where it happened, and nothing that was sent. */
import { expect, it } from 'vitest';
import { startAppAlone } from '../support/app-alone.ts';
import { CANARY, postFields } from '../support/bad-input/bad-input.ts';
import { exchange } from '../support/raw-http.ts';

it.each([
  ['one line', CANARY],
  ['many lines', `a\n${CANARY}\n  ${CANARY}\nb`],
  ['lines that look like where it happened', `a\n    at ${CANARY} (file:1:1)\n\tat ${CANARY}`],
  ['the name of its class', `Error\n    at ${CANARY}`],
])(
  'a fault whose message has %s is logged by its frames alone, for the message may quote input',
  async (_what, message) => {
    const fault = new TypeError(message);
    const acceptAfter = Promise.reject(fault);
    acceptAfter.catch(() => undefined);
    const { url, logLines } = await startAppAlone({ acceptAfter });
    expect((await exchange(url, postFields({})))?.status).toBe(500);
    const [line = ''] = logLines.filter((one) => one.includes('unexpected error'));
    expect(JSON.parse(line)).toMatchObject({
      error: 'TypeError',
      at: expect.stringMatching(/^\s+at .*error-log\.test\.ts/),
    });
    expect(logLines.join('')).not.toContain(CANARY);
  },
);
