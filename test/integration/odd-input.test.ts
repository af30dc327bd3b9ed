/** What looks wrong and is not is accepted, and what the upstream gets is the text that was sent. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { errorOf, post, unique } from '../support/api.ts';
import { ODD_ROWS } from '../support/bad-input/odd-input.ts';
import { ok } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, url } = await useDeployment();
const short = await useDeployment({ env: { REQRUN_MAX_WAIT_SECONDS: '1' } });

describe('odd input', () => {
  it.each(ODD_ROWS.map((row) => [row.row, row.title, row] as const))(
    'row %s: %s reaches the upstream as it was sent, less what is for ReqRun',
    async (_row, _title, { passedOn, message = '{"role":"user","content":"hi"}', headers = {} }) => {
      const model = unique('odd');
      const sent = (own: string): string =>
        `{ "model":"${model}","messages":[${message}],${passedOn}${own} }`;
      const answer = await post(url, sent(', "wait" : 20'), headers);
      expect(answer.status).toBe(200);
      expect(upstream.hits(model).map(({ body }) => body)).toEqual([sent('')]);
    },
  );

  it('row 45: takes -0 as 0, so that one key may say either', async () => {
    const model = unique('zero');
    for (const seed of ['-0', '0', '0.0', '-0e5']) {
      const text = `{"model":"${model}","messages":[{"role":"user"}],"seed":${seed},"wait":20,"idempotency_key":"${model}"}`;
      expect((await post(url, text)).status).toBe(200);
    }
    expect(upstream.hits(model)).toHaveLength(1);
  });

  it('row 44: takes two large integers for two requests, though a double is the same for both', async () => {
    const model = unique('large');
    const text = (seed: string): string =>
      `{"model":"${model}","messages":[{"role":"user"}],"seed":${seed},"wait":20,"idempotency_key":"${model}"}`;
    expect((await post(url, text('9007199254740993'))).status).toBe(200);
    const other = await post(url, text('9007199254740992'));
    expect([other.status, errorOf(other).code]).toEqual([422, 'idempotency_key_reused']);
    const same = await post(url, text(' 9007199254740993 '));
    expect(same.headers.get('idempotent-replayed')).toBe('true');
    expect(upstream.hits(model)).toHaveLength(1);
  });

  it('row 64: takes a wait beyond the configured maximum as the maximum', async () => {
    const model = unique('long');
    const released = Promise.withResolvers<void>();
    short.upstream.script(model, { ...ok(), after: released.promise });
    const answers = await Promise.all([
      post(short.url, { model, wait: 3600 }),
      post(short.url, { model }, { prefer: 'wait=3600' }),
    ]);
    released.resolve();
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
  });

  it.each(['http', 'file', 'gopher'])(
    'row 67: passes an image URL (%s) on and fetches nothing itself: the upstream may be allowed to, ReqRun is not',
    async (scheme) => {
      const model = unique('image');
      let connections = 0;
      const metadata = createServer(() => (connections += 1)).listen(0, '127.0.0.1');
      await once(metadata, 'listening');
      const address = metadata.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      const image = {
        type: 'image_url',
        image_url: { url: `${scheme}://127.0.0.1:${port}/latest/meta-data` },
      };
      const messages = [{ role: 'user', content: [image] }];
      expect((await post(url, { model, messages, wait: 20 })).status).toBe(200);
      expect(upstream.hits(model).map(({ body }) => JSON.parse(body))).toEqual([{ model, messages }]);
      expect(connections).toBe(0);
      metadata.close();
    },
  );
});
