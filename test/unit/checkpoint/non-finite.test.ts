import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { countNonFinite, findNonFinite, watchNonFinite } from '../../../lib/checkpoint/non-finite.ts';
import { tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

const bytesOf = (values: Float32Array | Uint16Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

describe('NaN and infinities are counted', () => {
  test('in F32, also where the bytes begin at an odd place', () => {
    // The largest float32 and the smallest are numbers.
    const values = Float32Array.of(0, -0, Number.NaN, Infinity, -Infinity, 3.4028234663852886e38, 1.4e-45);
    const shifted = new Uint8Array(1 + values.byteLength);
    shifted.set(bytesOf(values), 1);

    expect(countNonFinite(bytesOf(values), 'F32')).toBe(3);
    expect(countNonFinite(shifted.subarray(1), 'F32')).toBe(3);
  });

  test('in F16, of which 7c00 is infinity and 7bff, 65504, the largest number', () => {
    expect(countNonFinite(bytesOf(Uint16Array.of(0x7c00, 0xfc00, 0x7e01, 0x7bff, 0x8001)), 'F16')).toBe(3);
  });

  test('in BF16, of which 7f80 is infinity and 7f7f the largest number', () => {
    expect(countNonFinite(bytesOf(Uint16Array.of(0x7f80, 0xff80, 0x7fc0, 0x7f7f, 0x7c00)), 'BF16')).toBe(3);
  });

  test('but not in integers, which have none', () => {
    expect(countNonFinite(new Uint8Array(8).fill(0xff), 'I8')).toBe(0);
  });
});

test('a tensor is told of once, when all of its pieces have been read', async () => {
  const pieces = [Float32Array.of(1, Number.NaN), Float32Array.of(Infinity, 2)].map(bytesOf);
  const told: unknown[] = [];
  const tensor = (name: string, parts: readonly Uint8Array[]) => ({
    name,
    dtype: 'F32',
    shape: [4],
    async *pieces() {
      yield* parts;
    },
  });
  const watched = watchNonFinite([tensor('sick', pieces), tensor('sound', [new Uint8Array(16)])], (found) =>
    told.push(found),
  );
  const read: Uint8Array[] = [];
  for (const { pieces } of watched) for await (const piece of pieces()) read.push(piece);

  expect(told).toEqual([{ tensor: 'sick', count: 2 }]);
  expect(read.slice(0, 2)).toEqual(pieces);
});

test('a model’s weights are looked through in the order of the forward pass', async () => {
  await using sound = await tinyCheckpoint();
  await using sick = await tinyCheckpoint({
    tensors: (tensors) => {
      const data = (name: string) => tensors.find((tensor) => tensor.name === name)!.data;
      data('score.weight').fill(Infinity, 0, 2);
      data('transformer.h.1.mlp.c_fc.bias')[5] = Number.NaN;
      return tensors;
    },
  });

  expect(await findNonFinite((await openCheckpoint(sound.directory)).weights)).toEqual([]);
  expect(await findNonFinite((await openCheckpoint(sick.directory)).weights)).toEqual([
    { tensor: 'transformer.h.1.mlp.c_fc.bias', count: 1 },
    { tensor: 'score.weight', count: 2 },
  ]);
});
