import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '../../../../lib/checkpoint/error.ts';
import {
  parseSafetensorsHeader,
  readSafetensorsHeader,
  topLevelKeys,
} from '../../../../lib/checkpoint/safetensors/safetensors.ts';

describe('the safetensors reader', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'safetensors-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  /** A hand-made file: the header's length, the header, zeros as data. */
  function file(header: string | Uint8Array, data = 0, length = header.length): Buffer {
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(length));
    return Buffer.concat([prefix, Buffer.from(header), Buffer.alloc(data)]);
  }

  async function read(bytes: Uint8Array) {
    const path = join(directory, `${crypto.randomUUID()}.safetensors`);
    await writeFile(path, bytes);
    return readSafetensorsHeader(path);
  }

  const two =
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[1,3],"data_offsets":[8,11]}}';

  it('gives the position of each tensor', async () => {
    const { tensors, fileBytes } = await read(file(two, 11));

    expect(fileBytes).toBe(8 + two.length + 11);
    expect(tensors.get('a')).toEqual({ name: 'a', dtype: 'F32', shape: [2], offset: 8 + two.length, length: 8 });
    expect(tensors.get('b')).toEqual({ name: 'b', dtype: 'U8', shape: [1, 3], offset: 16 + two.length, length: 3 });
  });

  it('reads metadata, padding after the JSON, scalars and empty tensors', async () => {
    const header =
      '{"__metadata__":{"format":"pt"},"e":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},"s":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}   ';
    const { tensors, metadata } = await read(file(header, 8));

    expect(metadata).toEqual({ format: 'pt' });
    expect(tensors.get('e')?.length).toBe(0);
    expect(tensors.get('s')?.shape).toEqual([]);
  });

  it('accepts any order of tensors in the header', async () => {
    const header =
      '{"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';

    expect([...(await read(file(header, 8))).tensors.keys()].sort()).toEqual(['a', 'b']);
  });

  it('reads the header of a 6 GB file without its data', async () => {
    const elements = 1_500_000_000; // 6 GB of f32, a sparse file
    const header = `{"big":{"dtype":"F32","shape":[${elements}],"data_offsets":[0,${elements * 4}]},"end":{"dtype":"F32","shape":[1],"data_offsets":[${elements * 4},${elements * 4 + 4}]}}`;
    const path = join(directory, 'sparse.safetensors');
    const handle = await open(path, 'w');
    await handle.write(file(header));
    await handle.truncate(8 + header.length + elements * 4 + 4);
    await handle.close();

    expect((await readSafetensorsHeader(path)).tensors.get('end')?.offset).toBe(8 + header.length + 6_000_000_000);
    await rm(path);
  });

  const entry = (fields: string) => `{"a":{${fields}}}`;
  it.each<[string, string, Uint8Array]>([
    ['an empty file', 'weights_truncated', Buffer.alloc(0)],
    ['seven bytes', 'weights_truncated', Buffer.alloc(7)],
    ['a header that passes the end of the file', 'weights_truncated', file('{}', 0, 3)],
    ['a header of 2^53 bytes', 'weights_invalid', file('{}', 0, Number(2n ** 53n))],
    ['a header above the limit', 'weights_invalid', file('{}', 0, 10_000_001)],
    ['data that is cut short', 'weights_truncated', file(two, 10)],
    ['data after the last tensor', 'weights_invalid', file(two, 12)],
    ['a header that is not UTF-8', 'weights_invalid', file(Uint8Array.of(0x7b, 0xff, 0x7d))],
    ['a header that is not JSON', 'weights_invalid', file('{"a":')],
    ['a header that is a list', 'weights_invalid', file('[]')],
    ['a header that is null', 'weights_invalid', file('null')],
    ['an entry that is a number', 'weights_invalid', file('{"a":1}')],
    ['an unknown dtype', 'weights_invalid', file(entry('"dtype":"Q4","shape":[1],"data_offsets":[0,4]'), 4)],
    ['a fractional shape', 'weights_invalid', file(entry('"dtype":"F32","shape":[1.5],"data_offsets":[0,6]'), 6)],
    ['a negative shape', 'weights_invalid', file(entry('"dtype":"F32","shape":[-1],"data_offsets":[0,4]'), 4)],
    [
      'a shape that overflows',
      'weights_invalid',
      file(entry('"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]')),
    ],
    [
      'a shape larger than its range',
      'weights_invalid',
      file(entry('"dtype":"F32","shape":[2],"data_offsets":[0,4]'), 4),
    ],
    [
      'a range that runs backwards',
      'weights_invalid',
      file(entry('"dtype":"F32","shape":[1],"data_offsets":[4,0]'), 4),
    ],
    ['a negative offset', 'weights_invalid', file(entry('"dtype":"F32","shape":[1],"data_offsets":[-4,0]'), 4)],
    [
      'an offset beyond the file',
      'weights_invalid',
      file(entry('"dtype":"F32","shape":[1],"data_offsets":[4000,4004]'), 4),
    ],
    ['three offsets', 'weights_invalid', file(entry('"dtype":"F32","shape":[1],"data_offsets":[0,4,8]'), 4)],
    ['metadata that is not text', 'weights_invalid', file('{"__metadata__":{"n":1}}')],
    [
      'two tensors of one name',
      'weights_invalid',
      file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    ],
    [
      'two tensors of one name, one of them escaped',
      'weights_invalid',
      file(
        '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      ),
    ],
    [
      'overlapping tensors',
      'weights_invalid',
      file(
        '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        8,
      ),
    ],
    [
      'a hole between tensors',
      'weights_invalid',
      file(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}',
        3,
      ),
    ],
  ])('refuses %s', async (_, code, bytes) => {
    await expect(read(bytes)).rejects.toMatchObject({ name: 'CheckpointError', code });
  });

  it('refuses a missing file, and a directory', async () => {
    await expect(readSafetensorsHeader(join(directory, 'none'))).rejects.toMatchObject({ code: 'weights_missing' });
    await expect(readSafetensorsHeader(directory)).rejects.toBeInstanceOf(CheckpointError);
  });

  it('throws only CheckpointError for any damaged header', () => {
    const damaged = fc.tuple(fc.nat(two.length - 1), fc.nat(255), fc.nat(40)).map(([at, byte, data]) => {
      const header = Buffer.from(two);
      header[at] = byte;
      return { header, data };
    });
    fc.assert(
      fc.property(damaged, ({ header, data }) => {
        const size = 8 + header.length + data;
        try {
          for (const { offset, length } of parseSafetensorsHeader(header, size, 'f').tensors.values()) {
            expect(offset).toBeGreaterThanOrEqual(8 + header.length);
            expect(offset + length).toBeLessThanOrEqual(size);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
        }
      }),
    );
  });
});

describe('topLevelKeys', () => {
  it('lists duplicate keys', () => {
    expect(topLevelKeys('{"a": 1, "b": {"a": 2, "c": [{"d": 3}]}, "a": "b"}')).toEqual(['a', 'b', 'a']);
  });

  it('ignores strings that look like JSON', () => {
    expect(topLevelKeys(String.raw`{"{\"": ["},{", "x"], "y\\": "\\\"", "z": "a,b"}`)).toEqual(['{"', 'y\\', 'z']);
  });

  it('agrees with JSON.parse on every object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        expect(topLevelKeys(JSON.stringify(object)).sort()).toEqual(Object.keys(object).sort());
      }),
    );
  });
});
