import { describe, expect, it } from 'vitest';
import { requestError } from '../../src/domain/run-end.ts';
import { createRegistry } from '../../src/metrics/registry.ts';
import { createWorkerMetrics } from '../../src/metrics/worker-metrics.ts';

describe("a worker's metrics", () => {
  it('count an unknown code as internal_error, because a recorded run may come from another version', async () => {
    const registry = createRegistry('1.2.3');
    const observer = createWorkerMetrics(registry, () => []);
    for (const code of ['a-code-to-come', 'toString']) {
      observer.attemptEnded({ outcome: 'rejected', error_code: code, duration_ms: 1 });
      observer.runEnded({
        kind: 'failed',
        error: { ...requestError('internal_error', 'terminal'), code },
      });
    }
    const text = await registry.text();
    expect(text).toContain('reqrun_attempts_total{outcome="rejected",code="internal_error"} 2\n');
    expect(text).toContain('reqrun_runs_ended_total{status="failed",code="internal_error"} 2\n');
    expect(text).not.toMatch(/a-code-to-come|toString/);
  });

  it('are those of their registry alone: two of them in a process count apart', async () => {
    const [one, other] = [createRegistry('1'), createRegistry('2')];
    createWorkerMetrics(one, () => []).callBegan();
    createWorkerMetrics(other, () => []);
    expect(await one.text()).toContain('\nreqrun_upstream_calls_in_flight 1\n');
    expect(await other.text()).toContain('\nreqrun_upstream_calls_in_flight 0\n');
  });

  it('have buckets that tell a refusal from a model that thinks, and both from a timeout', async () => {
    const registry = createRegistry('1');
    const observer = createWorkerMetrics(registry, () => []);
    for (const duration_ms of [90, 4_000, 599_000]) {
      observer.attemptEnded({ outcome: 'completed', error_code: null, duration_ms });
    }
    const buckets = [
      ...(await registry.text()).matchAll(/_bucket\{le="([^"]+)",outcome="completed"\} (\d)/g),
    ];
    const count = Object.fromEntries(buckets.map(([, le = '', seen]) => [le, Number(seen)]));
    expect(count).toMatchObject({ '0.1': 1, '2.5': 1, '5': 2, '300': 2, '600': 3, '+Inf': 3 });
  });
});
