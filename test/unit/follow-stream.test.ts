/** What is left of the caller of a stream that leaves while its request goes on: nothing. */
import { expect, it } from 'vitest';
import type { TextStore } from '../../src/blobs/text-store.ts';
import { createLimit } from '../../src/domain/limit.ts';
import { toRequestRef } from '../../src/domain/request-id.ts';
import { NewBody } from '../../src/domain/request-text.ts';
import { completedRun, type FollowedRequest } from '../../src/domain/requests.ts';
import { createStreamHub } from '../../src/streams/hub.ts';
import { createCallBudget } from '../../src/temporal/calls/call-budget.ts';
import { submitStreamed } from '../../src/temporal/store/follow-stream.ts';
import { createIntake, type Intake } from '../../src/temporal/store/intake.ts';
import { createWaiters, type Waiters } from '../../src/temporal/waiting/waiters.ts';
import { NEW_REQUEST, unused } from '../support/new-request.ts';

const BYTES = 10;
const RESULT = { blob: 'b', sha256: 's', bytes: BYTES };
const ref = toRequestRef({ project: 'default', id: 'a' });

/** The caller of a new request, whose hold does not end. */
async function follow(open: TextStore['open']): Promise<{
  readonly followed: FollowedRequest;
  readonly intake: Intake;
  readonly waiters: Waiters;
}> {
  const waiters = createWaiters(createLimit(1), null);
  const intake = createIntake({ accepting: 1, acceptingBytes: BYTES, acceptMs: 1_000 });
  const texts: TextStore = { namespace: 'default', open, refer: unused, put: unused, remove: unused };
  const request = { ...NEW_REQUEST, stream: true, body: new NewBody(Buffer.from('{}')) };
  const followed = await submitStreamed(
    { waiters, streams: createStreamHub(), texts, intake },
    {
      runs: { find: unused, look: unused, call: unused },
      starts: {
        start: async () => ({
          outcome: 'started',
          sentAt: new Date(0).toISOString(),
          budget: createCallBudget(),
        }),
      },
      intake,
      texts,
      observer: null,
    },
    ref,
    request,
    { signal: new AbortController().signal, projectPlaces: createLimit(1) },
    intake.enter(2),
  );
  return { followed, intake, waiters };
}

it('is no longer waited for when its stream has ended before its request', async () => {
  const { followed, waiters } = await follow(unused);
  expect(waiters.held()).toBe(1);
  followed.leave();
  expect(await followed.settled).toBeNull();
  expect(waiters.held()).toBe(0);
});

it('keeps no room for a result that comes after it has left', async () => {
  const opened = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const { followed, intake, waiters } = await follow(async () => {
    asked.resolve();
    await opened.promise;
    return { bytes: BYTES, stream: () => (async function* () {})() };
  });
  waiters.settle(ref.workflowId, completedRun(RESULT, null));
  await asked.promise;
  followed.leave();
  opened.resolve();
  expect(await followed.settled).toBeNull();
  expect(() => intake.holdBytes(BYTES)).not.toThrow();
});
