/** Row 20: an upstream that is neither there nor gone must not hold a place for ever. */
import { expect, it } from 'vitest';
import { post, readRecord, unique } from '../support/api.ts';
import { ok, type Step } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, url } = await useDeployment({ env: { REQRUN_MAX_ATTEMPTS_IN_FLIGHT: '1' } });

it.each<[string, Step, string, string]>([
  ['stalls before its headers', { stall: 'headers' }, 'upstream_timeout', 'unknown'],
  ['stalls within its answer', { stall: 'body' }, 'upstream_response_lost', 'lost'],
  ['trickles a byte now and then', { trickleEveryMs: 100 }, 'upstream_response_lost', 'lost'],
])(
  'frees the place of a call whose upstream %s, when the attempt is over',
  async (_what, step, code, outcome) => {
    const [slow, next] = [unique('slow'), unique('next')];
    upstream.script(slow, step, ok('at last'));
    // Also the time that a busy machine has for the second attempt.
    const reqrun = { attempt_timeout_seconds: 3 };
    const [held, behind] = await Promise.all([
      post(url, { model: slow, idempotency_key: slow, wait: 30, reqrun }),
      upstream.untilHits(slow, 1).then(() => post(url, { model: next, idempotency_key: next, wait: 30 })),
    ]);
    expect([held.status, behind.status]).toEqual([200, 200]);
    const record = await readRecord(url, slow);
    expect(record.attempt_log[0]).toMatchObject({ status: 'failed', error_code: code, outcome });
    expect(record).toMatchObject({ attempts: 2, unknown_attempts: 1, possible_duplicate: true });
    expect([upstream.hits(slow).length, upstream.hits(next).length]).toEqual([2, 1]);
  },
);
