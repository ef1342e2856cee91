import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../../../lib/checkpoint/import/find-source.ts';
import { openTensorFlow, parseIndex } from '../../../../lib/checkpoint/tensorflow/bundle.ts';
import { crc32c, maskedCrc32c } from '../../../../lib/checkpoint/tensorflow/table.ts';
import { golden } from '../../../support/golden.ts';
import { sourceBytes } from '../source-values.ts';

const fixtures = join(import.meta.dirname, '../../../fixtures/tensorflow');

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tensorflow-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** A copy of the fixture with another index. */
async function copyWith(index: (bytes: Buffer) => Buffer): Promise<string> {
  const copy = join(directory, crypto.randomUUID());
  await cp(fixtures, copy, { recursive: true });
  const path = join(copy, 'model.ckpt-3.index');
  await writeFile(path, index(await readFile(path)));
  return path;
}

describe('the TensorFlow reader', () => {
  it('reads every variable from all shards', async () => {
    await using source = await openTensorFlow(join(fixtures, 'model.ckpt-3.index'));
    await using reference = await openSafetensors(golden('oa16', 'model.safetensors'));

    for (const name of reference.tensors.keys()) {
      expect(await sourceBytes(source, name), name).toEqual(await sourceBytes(reference, name));
    }
    expect(source.tensors.get('model/h0/mlp/c_fc/w')).toMatchObject({ dtype: 'F32', shape: [1, 32, 128] });
    expect(source.tensors.get('global_step')).toMatchObject({ dtype: 'I64', shape: [] });
    expect((await sourceBytes(source, 'global_step')).readBigInt64LE()).toBe(3n);
    expect(source.tensors.has('model/ln_f/g/adam_m')).toBe(true);
  });
});

describe('the TensorFlow reader refuses', () => {
  it('a missing shard, and names it', async () => {
    const path = await copyWith((bytes) => bytes);
    await rm(path.replace('.index', '.data-00001-of-00003'));

    await expect(openTensorFlow(path)).rejects.toThrow('model.ckpt-3.data-00001-of-00003 is missing');
  });

  it('a shard that is cut short', async () => {
    const path = await copyWith((bytes) => bytes);
    await truncate(path.replace('.index', '.data-00002-of-00003'), 1000);

    await expect(openTensorFlow(path)).rejects.toMatchObject({ code: 'weights_truncated' });
  });

  it('changed data, by its checksum', async () => {
    const path = await copyWith((bytes) => bytes);
    const shard = path.replace('.index', '.data-00000-of-00003');
    const data = await readFile(shard);
    data[20] = (data[20] ?? 0) ^ 1;
    await writeFile(shard, data);
    await using source = await openTensorFlow(path);

    await expect(Promise.all([...source.tensors.keys()].map((name) => sourceBytes(source, name)))).rejects.toThrow(
      /is damaged: the checksum of/,
    );
  });

  it('a changed index, by its checksum', async () => {
    const path = await copyWith((bytes) => {
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      return bytes;
    });

    await expect(openTensorFlow(path)).rejects.toThrow(/a checksum does not match/);
  });

  it('an index that is cut short at any place', async () => {
    const whole = await readFile(join(fixtures, 'model.ckpt-3.index'));
    for (let length = 0; length < whole.length; length += 41) {
      expect(() => parseIndex(whole.subarray(0, length), 'x.index'), String(length)).toThrow(
        expect.objectContaining({ code: 'weights_truncated' }),
      );
    }
  });
});

describe('a hand-made index', () => {
  it('is read if it has one tensor', () => {
    expect(parse(tensor())).toMatchObject({
      shards: 1,
      entries: [{ name: 'w', dtype: 'F32', shape: [2], shard: 0, offset: 0, length: 8 }],
    });
  });

  it.each<[string, Buffer]>([
    ['a shard that does not exist', tensor({ shard: 7 })],
    ['a length that does not match the shape', tensor({ length: 12 })],
    ['an offset beyond 2^53', Buffer.concat([tensor(), Buffer.from('20ffffffffffffffff7f', 'hex')])],
    ['a shape of 2^60', tensor({ size: 2 ** 40, length: 2 ** 42 + 1 })],
    ['slices', Buffer.concat([tensor(), Buffer.from('3a00', 'hex')])],
    ['an entry that is cut short', tensor().subarray(0, 5)],
    ['a field of an unknown wire type', Buffer.from('0b', 'hex')],
  ])('with %s is refused', (_, entry) => {
    expect(() => parse(entry)).toThrow(expect.objectContaining({ code: 'weights_invalid' }));
  });

  it('is read with the names of TensorFlow 2, which escapes slashes and full stops', () => {
    const entries: [string, Buffer][] = [
      ['', Buffer.from('0801', 'hex')],
      ['model.Sv1..2.Sw/.ATTRIBUTES/VARIABLE_VALUE', tensor()],
    ];
    expect(parseIndex(table(entries), 'x.index').entries[0]?.name).toBe('model/v1.2/w');
    const twice: [string, Buffer][] = [...entries, ['model/v1.2/w', tensor()]];
    expect(() => parseIndex(table(twice), 'x.index')).toThrow(/two variables of one name/);
  });

  it('is read without tensors of strings', () => {
    expect(parse(Buffer.from('0807', 'hex')).entries).toEqual([]); // DT_STRING
  });

  it.each<[string, Buffer]>([
    ['without a header', table([['w', tensor()]])],
    ['with big-endian numbers', table([['', Buffer.from('08011001', 'hex')]])],
    ['with a billion shards', table([['', Buffer.from('0880a8d6b907', 'hex')]])],
    [
      'with two entries of one name',
      table([
        ['', Buffer.from('0801', 'hex')],
        ['w', tensor()],
        ['w', tensor()],
      ]),
    ],
    ['with a compressed block', table([['', Buffer.from('0801', 'hex')]], 1)],
  ])('%s is refused', (_, bytes) => {
    expect(() => parseIndex(bytes, 'x.index')).toThrow(expect.objectContaining({ code: 'weights_invalid' }));
  });
});

function parse(entry: Buffer) {
  const header = Buffer.from('0801', 'hex'); // one shard
  return parseIndex(
    table([
      ['', header],
      ['w', entry],
    ]),
    'x.index',
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

/** BundleEntryProto of an f32 vector. */
function tensor({ size = 2, shard = 0, length = 8 } = {}): Buffer {
  const dimension = Buffer.concat([Buffer.of(0x08), varint(size)]);
  const shape = Buffer.concat([Buffer.of(0x12), varint(dimension.length), dimension]);
  return Buffer.concat([
    Buffer.from('0801', 'hex'),
    Buffer.concat([Buffer.of(0x12), varint(shape.length), shape]),
    Buffer.concat([Buffer.of(0x18), varint(shard)]),
    Buffer.concat([Buffer.of(0x28), varint(length)]),
  ]);
}

/** A table of one data block and an index block. */
function table(entries: [string, Buffer][], compression = 0): Buffer {
  const data = block(entries, compression);
  const handle = Buffer.concat([varint(0), varint(data.length - 5)]);
  const index = block([['z', handle]], 0);
  const footer = Buffer.alloc(48);
  Buffer.concat([varint(0), varint(0), varint(data.length), varint(index.length - 5)]).copy(footer);
  footer.writeBigUInt64LE(0xdb4775248b80fb57n, 40);
  return Buffer.concat([data, index, footer]);
}

function block(entries: [string, Buffer][], compression: number): Buffer {
  const parts = entries.map(([key, value]) =>
    Buffer.concat([varint(0), varint(key.length), varint(value.length), Buffer.from(key), value]),
  );
  const restarts = Buffer.from('0000000001000000', 'hex');
  const contents = Buffer.concat([...parts, restarts, Buffer.of(compression)]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(maskedCrc32c(crc32c(contents)));
  return Buffer.concat([contents, checksum]);
}
