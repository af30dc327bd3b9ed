/** What a web page can have a browser send to a service without API keys: nothing that is answered. */
import { createKeyRing } from '../../../src/keys/key-ring.ts';
import { EMPTY_KEYS_FILE } from '../../../src/keys/keys-file.ts';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../../support/api.ts';
import { startAppAlone } from '../../support/app-alone.ts';
import { http } from '../../support/bad-input/bad-input.ts';
import { exchange } from '../../support/raw-http.ts';

const HOST = 'Host: 127.0.0.1:8080';
const cancel = (...headers: readonly string[]): Buffer =>
  http(['POST /v1/requests/a/cancel HTTP/1.1', HOST, ...headers]);

const FOREIGN = [
  ['Sec-Fetch-Site: cross-site'],
  ['Sec-Fetch-Site: same-site'],
  ['Sec-Fetch-Site: whatever comes'],
  ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'],
  ['Sec-Fetch-Site: same-origin', 'Origin: https://elsewhere.example'],
  ['Origin: https://elsewhere.example'],
  ['Origin: null'],
  ['Origin: '],
  ['Origin: file://'],
  // Another port of this machine is another origin.
  ['Origin: http://127.0.0.1:3000'],
  ['Origin: http://localhost:8080'],
  ['Origin: http://127.0.0.1:8080', 'Origin: https://elsewhere.example'],
  ['Origin: http://127.0.0.1:8080.elsewhere.example'],
  ['Origin: http://elsewhere.example/127.0.0.1:8080'],
];
const OWN = [
  [],
  ['Sec-Fetch-Site: none'],
  ['Sec-Fetch-Site: same-origin', 'Origin: http://127.0.0.1:8080'],
  // Behind a proxy that has TLS.
  ['Origin: https://127.0.0.1:8080'],
  ['Sec-Fetch-Mode: cors'],
];

describe.each([
  ['', ['127.0.0.1']],
  [' to all Hosts', null],
] as const)('a service that is open%s', (_how, hosts) => {
  it('refuses every action from a page of another origin, because some need no preflight', async () => {
    const { url, asked } = await startAppAlone({ access: { kind: 'open', hosts } });
    for (const headers of FOREIGN) {
      for (const line of [
        'POST /v1/requests/a/cancel',
        'POST /v1/requests/a/retry',
        'DELETE /v1/requests/a',
        'GET /v1/requests/a',
        'POST /v1/chat/completions',
      ]) {
        const answer = await exchange(url, http([`${line} HTTP/1.1`, HOST, ...headers]));
        if (answer === null) throw new Error('closed without an answer');
        expect([headers, answer.status, errorOf(answer).code]).toEqual([headers, 403, 'origin_not_allowed']);
      }
    }
    expect(asked).toEqual([]);
  });

  it('answers its own pages, what a person types, and callers that are no browsers', async () => {
    const { url, asked } = await startAppAlone({ access: { kind: 'open', hosts } });
    for (const headers of OWN) expect((await exchange(url, cancel(...headers)))?.status).toBe(404);
    expect(asked).toEqual(OWN.map(() => 'cancel a'));
  });

  it('says to every page whether it lives, which tells nothing', async () => {
    const { url } = await startAppAlone({ access: { kind: 'open', hosts } });
    const health = http(['GET /healthz HTTP/1.1', HOST, 'Sec-Fetch-Site: cross-site']);
    expect((await exchange(url, health))?.status).toBe(200);
  });
});

it('with API keys asks for the key alone, because no page can send one without a preflight', async () => {
  const { holderOf } = createKeyRing(EMPTY_KEYS_FILE);
  const { url } = await startAppAlone({ access: { kind: 'keys', holderOf } });
  expect((await exchange(url, cancel('Sec-Fetch-Site: cross-site')))?.status).toBe(401);
});
