import type { Payload } from '@temporalio/common';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlobUnreadableError, readPlace } from '../../src/blobs/blob-format.ts';
import { type BlobStore, BlobMissingError, BlobStoreError } from '../../src/blobs/blob-store.ts';
import { openFileStore } from '../../src/blobs/file-store.ts';
import { prefixOf } from '../../src/blobs/request-blobs.ts';
import { createTextStore, hashOf } from '../../src/blobs/text-store.ts';
import { createPayloadResolver } from '../../src/blobs/resolve-payload.ts';
import { type BlobRef, isReference, RawJson, referTo } from '../../src/domain/raw-json.ts';
import { type EncryptionKeys, parseEncryptionKeys } from '../../src/encryption/keys.ts';
import { payloadConverter } from '../../src/temporal/payload-converter.ts';
import { newKey } from '../support/encryption.ts';

const NEVER = new AbortController().signal;
const WORKFLOW = 'ticket/842 "é"';

let directory: string;
let store: BlobStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reqrun-blobs-'));
  store = await openFileStore(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function* inPieces(...pieces: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function namesIn(prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list(prefix)) names.push(name);
  return names;
}

function keys(text: string): EncryptionKeys {
  const parsed = parseEncryptionKeys(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

describe('a directory as a blob store', () => {
  it('keeps what was put, lists it and deletes it with its folder', async () => {
    await store.put('default/abc/body-1', inPieces('one', ' two'), NEVER);
    await store.put('default/abd/body-1', inPieces('three'), NEVER);
    expect(String(await collect(store.get('default/abc/body-1', NEVER)))).toBe('one two');
    expect(await namesIn('default/')).toEqual(['default/abc/body-1', 'default/abd/body-1']);
    expect(await namesIn('default/abc/')).toEqual(['default/abc/body-1']);
    expect(await namesIn('other/')).toEqual([]);
    await store.delete('default/abc/body-1');
    await store.delete('default/abc/body-1');
    expect(await readdir(join(directory, 'default'))).toEqual(['abd']);
    await expect(collect(store.get('default/abc/body-1', NEVER))).rejects.toThrow(BlobMissingError);
  });

  it('leaves nothing of a put that breaks off', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('begin');
      throw new Error('the source broke');
    }
    await expect(store.put('default/abc/body-1', broken(), NEVER)).rejects.toThrow(BlobStoreError);
    expect(await namesIn('default/')).toEqual([]);
  });

  it('does not create its directory again, because the disk may not be mounted', async () => {
    await rm(directory, { recursive: true });
    await expect(store.put('default/abc/body-1', inPieces('x'), NEVER)).rejects.toThrow(BlobStoreError);
    await expect(collect(store.get('default/abc/body-1', NEVER))).rejects.toThrow(BlobStoreError);
  });

  it('takes puts and deletes of one folder at the same time', async () => {
    const puts = Array.from({ length: 40 }, async (_, nth) => {
      await store.put(`default/abc/body-${nth}`, inPieces(String(nth)), NEVER);
      if (nth % 2 === 0) await store.delete(`default/abc/body-${nth}`);
    });
    await Promise.all(puts);
    expect(await namesIn('default/abc/')).toHaveLength(20);
  });
});

const OLD = newKey('old');
const NEW = newKey('new');
const SIZES = [0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 3 * 1024 * 1024 + 5];

describe.each([
  ['as it is', null],
  ['sealed', keys(`${NEW},${OLD}`)],
] as const)('a text in the blob store, %s', (_how, own) => {
  const texts = (namespace = 'default', with_: EncryptionKeys | null = own) =>
    createTextStore(store, namespace, with_);

  async function put(text: Uint8Array): Promise<BlobRef> {
    const ref = await texts().refer(WORKFLOW, 'result', text);
    await texts().put(WORKFLOW, ref, text, NEVER);
    return ref;
  }

  async function read(ref: BlobRef, workflowId = WORKFLOW, from = texts()): Promise<Buffer> {
    return collect((await from.open(workflowId, ref, NEVER)).stream());
  }

  async function faultOf(ref: BlobRef, workflowId = WORKFLOW, from = texts()): Promise<string> {
    const error: unknown = await read(ref, workflowId, from).catch((thrown: unknown) => thrown);
    return error instanceof BlobUnreadableError ? error.why : String(error);
  }

  it.each(SIZES)('of %i bytes is read as it was stored', async (size) => {
    const text = Buffer.alloc(size, 'reqrun');
    const ref = await put(text);
    expect(ref).toMatchObject({ bytes: size, sha256: await hashOf(text) });
    expect((await read(ref)).equals(text)).toBe(true);
    expect(await readPlace(store.get(ref.blob, NEVER))).toEqual({
      namespace: 'default',
      workflowId: WORKFLOW,
    });
  });

  it('is in the folder of its workflow, which another workflow does not share', async () => {
    const ref = await put(Buffer.from('{}'));
    expect(ref.blob.startsWith(prefixOf({ namespace: 'default', workflowId: WORKFLOW }))).toBe(true);
    expect(prefixOf({ namespace: 'default', workflowId: `${WORKFLOW}2` })).not.toBe(
      prefixOf({ namespace: 'default', workflowId: WORKFLOW }),
    );
  });

  it('cannot be read once it is missing, cut, altered or longer', async () => {
    const text = Buffer.alloc(700_000, 'reqrun');
    const change = async (edit: (blob: Buffer) => Buffer): Promise<string> => {
      const ref = await put(text);
      const path = join(directory, ref.blob);
      await writeFile(path, edit(await readFile(path)));
      return faultOf(ref);
    };
    const flip = (blob: Buffer, at: number): Buffer => {
      blob[at] = (blob[at] ?? 0) ^ 1;
      return blob;
    };
    const bad = own === null ? 'cut' : 'altered';
    expect(await change((blob) => blob.subarray(0, -1))).toBe(bad);
    expect(await change((blob) => blob.subarray(0, 300_000))).toBe(bad);
    expect(await change((blob) => blob.subarray(0, 10))).toBe('cut');
    expect(await change((blob) => flip(blob, 600_000))).toBe('altered');
    expect(await change((blob) => flip(blob, blob.length - 1))).toBe('altered');
    expect(await change((blob) => Buffer.concat([blob, Buffer.from('x')]))).toBe('altered');
    const ref = await put(text);
    await store.delete(ref.blob);
    expect(await faultOf(ref)).toBe('missing');
  });

  it('cannot be read as the text of another workflow or namespace', async () => {
    const ref = await put(Buffer.from('{}'));
    expect(await faultOf(ref, 'another')).toBe('moved');
    expect(await faultOf(ref, WORKFLOW, texts('another'))).toBe('moved');
  });

  it('is passed on only up to its last part if it changes between its check and its use', async () => {
    const text = Buffer.alloc(3_000_000, 'reqrun');
    const ref = await put(text);
    const opened = await texts().open(WORKFLOW, ref, NEVER);
    const path = join(directory, ref.blob);
    const blob = await readFile(path);
    blob[2_999_000] = 0;
    await writeFile(path, blob);
    let passed = 0;
    const reading = async (): Promise<void> => {
      for await (const chunk of opened.stream()) passed += chunk.byteLength;
    };
    await expect(reading()).rejects.toThrow(BlobUnreadableError);
    expect(passed).toBeLessThan(text.byteLength);
  });
});

describe('sealing', () => {
  const SECRET = 'the secret of the text';

  it('leaves nothing readable, and an old text can be read after the key was changed', async () => {
    const text = Buffer.from(SECRET.repeat(20_000));
    const before = createTextStore(store, 'default', keys(OLD));
    const ref = await before.refer(WORKFLOW, 'body', text);
    await before.put(WORKFLOW, ref, text, NEVER);
    const stored = await readFile(join(directory, ref.blob));
    expect(stored.includes(SECRET)).toBe(false);
    const after = createTextStore(store, 'default', keys(`${NEW},${OLD}`));
    expect((await collect((await after.open(WORKFLOW, ref, NEVER)).stream())).equals(text)).toBe(true);
    const without = createTextStore(store, 'default', keys(NEW));
    await expect(without.open(WORKFLOW, ref, NEVER)).rejects.toMatchObject({
      why: 'unknown key',
      keyId: 'old',
    });
  });

  it('refuses a plain text, so that nobody can put one in the place of a sealed one', async () => {
    const text = Buffer.from('{}');
    const plain = createTextStore(store, 'default', null);
    const ref = await plain.refer(WORKFLOW, 'body', text);
    await plain.put(WORKFLOW, ref, text, NEVER);
    const sealed = createTextStore(store, 'default', keys(NEW));
    await expect(sealed.open(WORKFLOW, ref, NEVER)).rejects.toMatchObject({ why: 'not encrypted' });
  });
});

function toPayload(value: RawJson): Payload {
  const payload = payloadConverter.toPayload(value);
  if (payload === undefined) throw new Error('no payload');
  return payload;
}

describe('a payload for a person', () => {
  const LIMIT_BYTES = 4 * 1024 * 1024;
  const payloadOf = async (bytes: number): Promise<{ readonly payload: Payload; readonly text: Buffer }> => {
    const texts = createTextStore(store, 'default', null);
    const text = Buffer.alloc(bytes, 'x');
    const ref = await texts.refer(WORKFLOW, 'result', text);
    await texts.put(WORKFLOW, ref, text, NEVER);
    return { payload: toPayload(referTo(ref)), text };
  };

  it('has the text in the place of its reference, up to 4 MiB', async () => {
    const resolve = createPayloadResolver(createTextStore(store, 'default', null));
    const { payload, text } = await payloadOf(LIMIT_BYTES);
    const shown = await resolve(payload, WORKFLOW);
    expect(Buffer.from(shown.data ?? []).equals(text)).toBe(true);
    expect(isReference(shown)).toBe(false);
    const { payload: larger } = await payloadOf(LIMIT_BYTES + 1);
    expect(await resolve(larger, WORKFLOW)).toBe(larger);
  });

  it('stays a reference if the text cannot be read, or belongs to another workflow', async () => {
    const resolve = createPayloadResolver(createTextStore(store, 'default', null));
    const { payload } = await payloadOf(300_000);
    expect(await resolve(payload, 'another')).toBe(payload);
    expect(await resolve(payload, null)).toBe(payload);
  });

  it('of a text that looks like a reference is that text', async () => {
    const resolve = createPayloadResolver(createTextStore(store, 'default', null));
    const { payload } = await payloadOf(300_000);
    const text = new RawJson(payload.data ?? new Uint8Array());
    const same = toPayload(text);
    expect(await resolve(same, WORKFLOW)).toBe(same);
    expect(payloadConverter.fromPayload<RawJson>(same).blob).toBeNull();
    expect(payloadConverter.fromPayload<RawJson>(payload).blob).not.toBeNull();
  });
});
