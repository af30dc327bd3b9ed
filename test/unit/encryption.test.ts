/** Pure unit tests: the payload codec and its keys. */
import { randomBytes } from 'node:crypto';
import { METADATA_ENCODING_KEY, type Payload, type PayloadCodec } from '@temporalio/common';
import { encode } from '@temporalio/common/lib/encoding.js';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config.ts';
import { MAX_BLOB_BYTES, MAX_BODY_BYTES } from '../../src/domain/raw-json.ts';
import { type LargeTextPlan, planLargeTexts } from '../../src/process/large-texts.ts';
import { RawJson } from '../../src/domain/raw-json.ts';
import { createEncryptionCodec } from '../../src/encryption/codec.ts';
import { parseEncryptionKeys, type EncryptionKeys } from '../../src/encryption/keys.ts';
import { PayloadUnreadableError } from '../../src/encryption/unreadable.ts';
import { payloadConverter } from '../../src/temporal/payload-converter.ts';

const [OLD, NEW] = [newKey('old'), newKey('new')];
const HERE = { type: 'workflow', namespace: 'default', workflowId: 'ticket-1' } as const;
const IN_ITS_ACTIVITY = { ...HERE, type: 'activity', activityId: '1', isLocal: false } as const;

function newKey(id: string): string {
  return `${id}:${randomBytes(32).toString('base64')}`;
}

function keysOf(text: string): EncryptionKeys {
  const keys = parseEncryptionKeys(text);
  if (typeof keys === 'string') throw new Error(keys);
  return keys;
}

function codecOf(...keys: string[]): PayloadCodec {
  return createEncryptionCodec(keysOf(keys.join(',')));
}

/** As a result leaves the activity: the upstream's bytes, the journal in the metadata. */
const secret = payloadConverter.toPayload(new RawJson(encode('{"n": 1.0}'), { journal: 'secret' }));
if (secret === undefined) throw new Error('nothing was made');

async function sealed(codec = codecOf(OLD)): Promise<Payload> {
  const [payload] = await codec.encode([secret ?? {}], HERE);
  return payload ?? {};
}

const refusedAs = (why: string): unknown => expect.objectContaining({ type: 'payload_unreadable', why });

/** With the byte at the place, counted from the end where it is negative, changed. */
function altered({ metadata, data }: Payload, place: number): Payload {
  const bytes = Buffer.from(data ?? []);
  const index = place < 0 ? bytes.byteLength + place : place;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return { ...(metadata ? { metadata } : {}), data: bytes };
}

function relabelled({ metadata, data }: Payload, name: string, value: string): Payload {
  return { metadata: { ...metadata, [name]: encode(value) }, ...(data ? { data } : {}) };
}

describe('an encrypted payload', () => {
  it('comes back as it was, in the workflow and in its activities', async () => {
    const codec = codecOf(OLD);
    for (const context of [HERE, IN_ITS_ACTIVITY, undefined]) {
      const [opened] = await codec.decode([await sealed(codec)], context);
      expect(payloadConverter.fromPayload(opened ?? {})).toEqual(
        new RawJson(Buffer.from('{"n": 1.0}'), { journal: 'secret' }),
      );
    }
  });

  it('shows where it belongs and by which key, and nothing of what it holds or how that was encoded', async () => {
    const { metadata, data } = await sealed();
    const shown = Object.entries(metadata ?? {}).map(([name, value]) => [name, String(Buffer.from(value))]);
    expect(Object.fromEntries(shown)).toEqual({
      encoding: 'binary/encrypted',
      'encryption-format': '1',
      'encryption-key-id': 'old',
      'encryption-namespace': 'default',
      'encryption-workflow-id': 'ticket-1',
    });
    expect(Buffer.from(data ?? []).toString('latin1')).not.toMatch(/json|secret|beside|1\.0/);
  });

  it('is never the same twice, because its nonce is random', async () => {
    expect((await sealed()).data).not.toEqual((await sealed()).data);
  });

  it.each([0, 11, 12, 40, -17, -16, -1])('is refused with the byte at %i altered', async (place) => {
    await expect(codecOf(OLD).decode([altered(await sealed(), place)], HERE)).rejects.toEqual(
      refusedAs('altered'),
    );
  });

  it.each([0, 12, 27, 28])('is refused cut down to %i bytes', async (length) => {
    const { metadata, data } = await sealed();
    const cut = { ...(metadata ? { metadata } : {}), data: (data ?? new Uint8Array()).subarray(0, length) };
    await expect(codecOf(OLD).decode([cut], HERE)).rejects.toEqual(refusedAs('altered'));
  });

  it.each([
    { ...HERE, workflowId: 'ticket-2' },
    { ...HERE, namespace: 'other' },
    { ...IN_ITS_ACTIVITY, workflowId: 'ticket-2' },
  ])('is refused where it does not belong: $namespace/$workflowId', async (elsewhere) => {
    await expect(codecOf(OLD).decode([await sealed()], elsewhere)).rejects.toEqual(refusedAs('moved'));
  });

  it('is refused with a label that was changed to fit where it was moved', async () => {
    const moved = relabelled(await sealed(), 'encryption-workflow-id', 'ticket-2');
    const elsewhere = { ...HERE, workflowId: 'ticket-2' };
    await expect(codecOf(OLD).decode([moved], elsewhere)).rejects.toEqual(refusedAs('altered'));
  });

  it('is refused where it is bound to nothing and a place is expected', async () => {
    const [unbound] = await codecOf(OLD).encode([secret]);
    await expect(codecOf(OLD).decode([unbound ?? {}], HERE)).rejects.toEqual(refusedAs('moved'));
  });

  it.each([
    ['encryption-key-id', 'lost', 'unknown key'],
    ['encryption-format', '2', 'unknown format'],
    ['encoding', 'json/plain', 'not encrypted'],
  ])('is refused with another %s', async (name, value, why) => {
    const changed = relabelled(await sealed(), name, value);
    await expect(codecOf(OLD).decode([changed], HERE)).rejects.toEqual(refusedAs(why));
  });

  it('is refused by a key that has the same id and is another', async () => {
    await expect(codecOf(newKey('old')).decode([await sealed()], HERE)).rejects.toEqual(refusedAs('altered'));
  });
});

it('refuses plain text, because with a key nothing plain can be trusted to be ours', async () => {
  const plain = payloadConverter.toPayload({ fingerprint: 'x' }) ?? {};
  const refusal = codecOf(OLD).decode([plain], HERE);
  await expect(refusal).rejects.toBeInstanceOf(PayloadUnreadableError);
  await expect(refusal).rejects.toEqual(refusedAs('not encrypted'));
  await expect(codecOf(OLD).decode([{}], HERE)).rejects.toEqual(refusedAs('not encrypted'));
});

it("passes the server's own word for a call that never began, and nothing that looks like it", async () => {
  const word = payloadConverter.toPayload('ACTIVITY_ID_NOT_STARTED') ?? {};
  expect(await codecOf(OLD).decode([word], HERE)).toEqual([word]);
  for (const other of ['ACTIVITY_ID_NOT_STARTEX', { a: 'ACTIVITY_ID_NOT_STARTED' }]) {
    const decoding = codecOf(OLD).decode([payloadConverter.toPayload(other) ?? {}], HERE);
    await expect(decoding).rejects.toEqual(refusedAs('not encrypted'));
  }
});

it('reads what older keys wrote and writes with the first, so that keys can be exchanged', async () => {
  const both = codecOf(NEW, OLD);
  await expect(both.decode([await sealed(codecOf(OLD))], HERE)).resolves.toHaveLength(1);
  const written = await sealed(both);
  expect(String(Buffer.from(written.metadata?.['encryption-key-id'] ?? []))).toBe('new');
  await expect(codecOf(OLD).decode([written], HERE)).rejects.toEqual(refusedAs('unknown key'));
});

it('names its encoding as Temporal does, because UIs send nothing else to a codec server', async () => {
  expect(String(Buffer.from((await sealed()).metadata?.[METADATA_ENCODING_KEY] ?? []))).toBe(
    'binary/encrypted',
  );
});

describe('REQRUN_ENCRYPTION_KEYS', () => {
  const faultsOf = (env: Record<string, string>): readonly string[] => {
    try {
      loadConfig(env);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.faults;
      throw error;
    }
  };

  it.each([
    ['without an id', 'no-colon'],
    ['of 31 bytes', `k:${randomBytes(31).toString('base64')}`],
    ['of 33 bytes', `k:${randomBytes(33).toString('base64')}`],
    ['in hex', `k:${randomBytes(32).toString('hex')}`],
    ['with an empty id', `:${randomBytes(32).toString('base64')}`],
    ['with a space in its id', `k k:${randomBytes(32).toString('base64')}`],
    ['before a comma with nothing after it', `${OLD},`],
    ['twice', `${OLD},${newKey('old')}`],
  ])('is refused by its name, never its value, with a key %s', (_what, value) => {
    const faults = faultsOf({ REQRUN_ENCRYPTION_KEYS: value });
    expect(faults).toEqual([expect.stringMatching(/^REQRUN_ENCRYPTION_KEYS must /)]);
    for (const part of value.split(/[,:]/).filter((part) => part.length > 8)) {
      expect(faults.join()).not.toContain(part);
    }
  });

  it('is kept where no dump of the configuration shows it', () => {
    const { encryption } = loadConfig({ REQRUN_ENCRYPTION_KEYS: `${NEW}, ${OLD}` });
    expect(encryption?.current.id).toBe('new');
    expect(encryption?.find('old')?.id).toBe('old');
    expect(JSON.stringify(encryption)).not.toContain(NEW.slice(8, 20));
    expect(loadConfig({}).encryption).toBe(null);
  });

  it('is what a codec server needs', () => {
    const [fault] = faultsOf({ REQRUN_CODEC_SERVER: '1' });
    expect(fault).toContain('REQRUN_CODEC_SERVER');
    const codec = { REQRUN_CODEC_SERVER: '1', REQRUN_CODEC_TOKEN: 'short' };
    expect(faultsOf({ ...codec, REQRUN_ENCRYPTION_KEYS: OLD })).toEqual([
      'REQRUN_CODEC_TOKEN must be at least 32 visible ASCII characters',
    ]);
  });
});

it("takes no larger bodies than Temporal's payloads leave room for, unless there is a blob store", () => {
  const planFor = (bytes: number, env: Record<string, string> = {}): LargeTextPlan =>
    planLargeTexts(loadConfig({ REQRUN_MAX_BODY_BYTES: String(bytes), ...env }), false);
  expect(planFor(MAX_BODY_BYTES).maxBodyBytes).toBe(MAX_BODY_BYTES);
  expect(() => planFor(MAX_BODY_BYTES + 1)).toThrow(/REQRUN_MAX_BODY_BYTES .* REQRUN_BLOB_STORE/);
  expect(planFor(MAX_BLOB_BYTES, { REQRUN_BLOB_STORE: 'file:/blobs' }).maxBodyBytes).toBe(MAX_BLOB_BYTES);
  expect(() => planFor(MAX_BLOB_BYTES + 1)).toThrow(ConfigError);
});
