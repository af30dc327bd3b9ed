/** Streams with API and worker apart: events by a real Redis, and what is left when it fails. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { readRecord, unique, untilRecord } from '../support/api.ts';
import { openStream, textOf } from '../support/read-stream.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { chatStream, chunk, ending, opening } from '../support/stream-steps.ts';
import { useDeployment } from '../support/use-deployment.ts';
import { untilLive } from '../support/live-streams.ts';

const redis = await startRedisServer();
afterAll(() => redis.close());
const { upstream, url } = await useDeployment({
  together: false,
  env: {
    REQRUN_STREAM_URL: redis.url,
    REQRUN_ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
  },
});
const PATH = '/v1/chat/completions';
const body = (key: string, fields: object = {}): object => ({
  model: key,
  messages: [{ role: 'user', content: 'hi' }],
  idempotency_key: key,
  ...fields,
});
const keys = async (): Promise<string[]> => (await redis.command('KEYS', '*')).split('\n').filter(Boolean);

/** A stream of two parts, of which the second one comes when the test says so. */
function twoParts(key: string): () => void {
  const goOn = Promise.withResolvers<void>();
  const more = [chunk({ content: 'second ' }), chunk({ content: 'part' })];
  upstream.script(key, {
    stream: [...opening('first ', 'part, '), { until: goOn.promise }, ...more, ...ending()],
  });
  return goOn.resolve;
}
const WHOLE = 'first part, second part';

// The connections of API and worker come back by themselves.
beforeEach(() => untilLive(upstream, url));

describe('a stream by Redis', () => {
  it('comes event by event, and Redis knows neither its request nor its text', async () => {
    const key = unique('live');
    const goOn = twoParts(key);
    const stream = await openStream(url, PATH, body(key));
    expect(textOf(await stream.until(3))).toBe('first part, ');
    expect(await readRecord(url, key)).toMatchObject({ status: 'processing' });
    const kept = await keys();
    for (const name of kept) expect(name).toMatch(/^reqrun:stream:[0-9a-f]{64}$/);
    const values = await Promise.all(kept.map((name) => redis.command('XRANGE', name, '-', '+')));
    expect(values.join('')).not.toContain('first');
    expect(values.join('')).not.toContain(key);
    const joined = await openStream(url, PATH, body(key));
    await joined.until(3);
    goOn();
    const [one, two] = [await stream.rest(), await joined.rest()];
    expect([textOf(one.events), one.events.at(-1)]).toEqual([WHOLE, '[DONE]']);
    expect(two.events).toEqual(one.events);
    expect(upstream.hits(key)).toHaveLength(1);
    for (const name of kept) expect(Number(await redis.command('TTL', name))).toBeLessThanOrEqual(60);
  });

  it('that breaks off ends with an error, and the next attempt is not mixed in', async () => {
    const key = unique('broken');
    upstream.script(key, { stream: [...opening('lost'), 'reset'] }, { stream: chatStream('good') });
    const { events } = await (await openStream(url, PATH, body(key))).rest();
    expect(textOf(events)).toBe('lost');
    expect(events.at(-1)).toMatchObject({ error: { code: 'stream_interrupted' } });
    await untilRecord(url, key, ({ terminal }) => terminal);
    expect(textOf((await (await openStream(url, PATH, body(key))).rest()).events)).toBe('good');
  });
});

describe('a stream whose Redis', () => {
  it('is killed in the middle has the rest with the result, each delta once', async () => {
    const key = unique('killed');
    const goOn = twoParts(key);
    const stream = await openStream(url, PATH, body(key));
    await stream.until(3);
    await redis.kill();
    goOn();
    const { events } = await stream.rest();
    await redis.start();
    expect([textOf(events), events.at(-1)]).toEqual([WHOLE, '[DONE]']);
    expect(await readRecord(url, key)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  it('is away from the beginning comes as a whole', async () => {
    const key = unique('away');
    const goOn = twoParts(key);
    await redis.kill();
    goOn();
    const { events } = await (await openStream(url, PATH, body(key))).rest();
    await redis.start();
    expect([textOf(events), events.at(-1)]).toEqual([WHOLE, '[DONE]']);
  });

  it('is full comes as a whole', async () => {
    const key = unique('full');
    const goOn = twoParts(key);
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    goOn();
    const { events } = await (await openStream(url, PATH, body(key))).rest();
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    expect([textOf(events), events.at(-1)]).toEqual([WHOLE, '[DONE]']);
  });

  it('answers nothing for a while has the rest with the result', async () => {
    const key = unique('paused');
    const goOn = twoParts(key);
    const stream = await openStream(url, PATH, body(key));
    await stream.until(3);
    await redis.command('CLIENT', 'PAUSE', '8000', 'ALL');
    goOn();
    const { events } = await stream.rest();
    expect([textOf(events), events.at(-1)]).toEqual([WHOLE, '[DONE]']);
  });
});
