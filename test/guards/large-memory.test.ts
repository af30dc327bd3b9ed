/** The memory that large bodies take, in an API of its own. The kernel keeps the largest that a process ever had. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { errorOf, post, unique } from '../support/api.ts';
import { filesIn } from '../support/blob-files.ts';
import { runEntryFile } from '../support/process.ts';
import { mostRssMiB } from '../support/rss.ts';

const MEBIBYTE = 1024 * 1024;
const BODY_MIB = 40;
/** The bound of the issue: bytes of memory for each byte of a body. */
const MOST_TIMES = 6;
const bodyOf = (mebibytes: number): string => {
  const image = randomBytes((mebibytes * MEBIBYTE * 3) / 4).toString('base64');
  return JSON.stringify({ model: 'm', messages: [{ role: 'user', content: image }] });
};

it.skipIf(process.platform !== 'linux')(
  'grows by six times a body at most, and refuses bodies over the bound on all of them together',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'reqrun-memory-'));
    const api = runEntryFile('src/api.ts', {
      PORT: '0',
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      REQRUN_TASK_QUEUE: unique('nobody'),
      REQRUN_BLOB_STORE: `file:${directory}`,
      REQRUN_MAX_BODY_BYTES: String(64 * MEBIBYTE),
      REQRUN_MAX_ACCEPTING_BYTES: String(64 * MEBIBYTE),
    });
    await api.untilOutput('"ready"');
    const pid = api.child.pid ?? 0;
    const url = /"api":"([^"]+)"/.exec(api.output())?.[1] ?? '';
    // Loads what reads large bodies.
    expect((await post(url, bodyOf(2))).status).toBe(202);
    const before = await startMeasuring(pid);
    expect((await post(url, bodyOf(BODY_MIB))).status).toBe(202);
    expect((await mostRssMiB(pid)) - before).toBeLessThan(MOST_TIMES * BODY_MIB);

    const large = bodyOf(BODY_MIB);
    const answers = await Promise.all(Array.from({ length: 6 }, () => post(url, large)));
    const codes = answers.map((answer) => (answer.status === 202 ? '202' : errorOf(answer).code));
    expect(codes).toContain('202');
    expect(codes.filter((code) => code !== '202' && code !== 'overloaded')).toEqual([]);
    expect(codes).toContain('overloaded');
    // What was refused has left nothing.
    expect(await filesIn(directory)).toHaveLength(2 + codes.filter((code) => code === '202').length);
    await api.end('SIGKILL');
    await rm(directory, { recursive: true });
  },
  120_000,
);

/** Sets the largest memory of a process to what it has now. Resolves to that, MiB. */
async function startMeasuring(pid: number): Promise<number> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
  return mostRssMiB(pid);
}
