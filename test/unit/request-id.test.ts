import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fromWorkflowId,
  isIdempotencyKey,
  isRequestId,
  newRequestId,
  toWorkflowId,
} from '../../src/domain/request-id.ts';

const visible = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 255,
});
const project = fc.oneof(fc.constant('default'), fc.stringMatching(/^[a-z0-9-]{1,20}$/));

describe("a request's name", () => {
  it('is the bare key in the default project, for the Temporal UI, and has a prefix in any other project', () => {
    expect(toWorkflowId({ project: 'default', id: 'ticket-842' })).toBe('ticket-842');
    expect(toWorkflowId({ project: 'billing', id: 'a/b' })).toBe('@billing/a/b');
  });

  it('gives each request a unique workflow id of at most 255 characters that leads back to it', () => {
    fc.assert(
      fc.property(project, visible, (name, id) => {
        fc.pre(isRequestId(id, name));
        const workflowId = toWorkflowId({ project: name, id });
        expect(workflowId.length).toBeLessThanOrEqual(255);
        expect(fromWorkflowId(workflowId)).toEqual({ project: name, id });
      }),
    );
  });

  it('takes keys of 255 characters less the prefix, and generated ids with the longest prefix', () => {
    const longest = 'p'.repeat(20);
    expect([255, 256].map((length) => isIdempotencyKey('k'.repeat(length), 'default'))).toEqual([
      true,
      false,
    ]);
    expect([233, 234].map((length) => isIdempotencyKey('k'.repeat(length), longest))).toEqual([true, false]);
    expect(isRequestId(newRequestId(randomBytes), longest)).toBe(true);
  });

  it.each(['default', 'billing'])('cannot name the request of another project, in %s', (name) => {
    for (const id of ['@other/key', '@', '.', '..', '', 'a b', 'é']) {
      expect([isRequestId(id, name), isIdempotencyKey(id, name)]).toEqual([false, false]);
    }
    expect(isIdempotencyKey('rr_mine', name)).toBe(false);
  });
});
