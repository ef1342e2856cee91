import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../../../lib/checkpoint/import/find-source.ts';
import { openTensorFlow, parseIndex } from '../../../../lib/checkpoint/tensorflow/bundle.ts';
import { golden } from '../../../support/golden.ts';
import { sourceBytes } from '../source-values.ts';
import { block, entry, tableOf, tensorEntry } from './table-bytes.ts';

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
    expect(parse(tensorEntry())).toMatchObject({
      shards: 1,
      entries: [{ name: 'w', dtype: 'F32', shape: [2], shard: 0, offset: 0, length: 8 }],
    });
  });

  it.each<[string, Buffer]>([
    ['a shard that does not exist', tensorEntry({ shard: 7 })],
    ['a length that does not match the shape', tensorEntry({ length: 12 })],
    ['an offset beyond 2^53', Buffer.concat([tensorEntry(), Buffer.from('20ffffffffffffffff7f', 'hex')])],
    ['a shape of 2^60', tensorEntry({ size: 2 ** 40, length: 2 ** 42 + 1 })],
    ['a shape of 65 axes', tensorEntry({ axes: 65 })],
    ['slices', Buffer.concat([tensorEntry(), Buffer.from('3a00', 'hex')])],
    ['an entry that is cut short', tensorEntry().subarray(0, 5)],
    ['a field of an unknown wire type', Buffer.from('0b', 'hex')],
  ])('with %s is refused', (_, bytes) => {
    expect(() => parse(bytes)).toThrow(expect.objectContaining({ code: 'weights_invalid' }));
  });

  it('is read with the names of TensorFlow 2, which escapes slashes and full stops', () => {
    const entries: [string, Buffer][] = [
      ['', Buffer.from('0801', 'hex')],
      ['model.Sv1..2.Sw/.ATTRIBUTES/VARIABLE_VALUE', tensorEntry()],
    ];
    expect(parseIndex(table(entries), 'x.index').entries[0]?.name).toBe('model/v1.2/w');
    const twice: [string, Buffer][] = [...entries, ['model/v1.2/w', tensorEntry()]];
    expect(() => parseIndex(table(twice), 'x.index')).toThrow(/two variables of one name/);
  });

  it('is read without tensors of strings', () => {
    expect(parse(Buffer.from('0807', 'hex')).entries).toEqual([]); // DT_STRING
  });

  it('is refused if its keys unfold to more than 8 MB', () => {
    const keys = Array.from({ length: 8_100 }, (_, i) =>
      entry(i === 0 ? 0 : 996, `${i === 0 ? 'a'.repeat(996) : ''}${1000 + i}`.slice(0, 1000), Buffer.alloc(0)),
    );
    const bytes = tableOf([block([entry(0, '', Buffer.from('0801', 'hex')), ...keys])]);

    expect(bytes.length).toBeLessThan(70_000);
    expect(() => parseIndex(bytes, 'x.index')).toThrow(/keys of more than 8000000 bytes/);
  });

  it.each<[string, Buffer]>([
    ['without a header', table([['w', tensorEntry()]])],
    ['with big-endian numbers', table([['', Buffer.from('08011001', 'hex')]])],
    ['with a billion shards', table([['', Buffer.from('0880a8d6b907', 'hex')]])],
    [
      'with two entries of one name',
      table([
        ['', Buffer.from('0801', 'hex')],
        ['w', tensorEntry()],
        ['w', tensorEntry()],
      ]),
    ],
    ['with a compressed block', table([['', Buffer.from('0801', 'hex')]], 1)],
  ])('%s is refused', (_, bytes) => {
    expect(() => parseIndex(bytes, 'x.index')).toThrow(expect.objectContaining({ code: 'weights_invalid' }));
  });
});

function parse(value: Buffer) {
  const header = Buffer.from('0801', 'hex'); // one shard
  return parseIndex(
    table([
      ['', header],
      ['w', value],
    ]),
    'x.index',
  );
}

/** A table of one data block. */
function table(entries: readonly (readonly [string, Buffer])[], compression = 0): Buffer {
  return tableOf([
    block(
      entries.map(([key, value]) => entry(0, key, value)),
      { compression },
    ),
  ]);
}
