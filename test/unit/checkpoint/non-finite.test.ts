import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { countNonFinite, findNonFinite, watchNonFinite } from '../../../lib/checkpoint/non-finite.ts';
import { tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

const bytesOf = (values: Float32Array | Uint16Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

describe('countNonFinite counts NaN and infinities', () => {
  test('in F32, also at an odd address', () => {
    // The largest and the smallest float32 are finite.
    const values = Float32Array.of(0, -0, Number.NaN, Infinity, -Infinity, 3.4028234663852886e38, 1.4e-45);
    const shifted = new Uint8Array(1 + values.byteLength);
    shifted.set(bytesOf(values), 1);

    expect(countNonFinite(bytesOf(values), 'F32')).toBe(3);
    expect(countNonFinite(shifted.subarray(1), 'F32')).toBe(3);
  });

  test('in F16: 7c00 is infinity, 7bff the largest number, 65504', () => {
    expect(countNonFinite(bytesOf(Uint16Array.of(0x7c00, 0xfc00, 0x7e01, 0x7bff, 0x8001)), 'F16')).toBe(3);
  });

  test('in BF16: 7f80 is infinity, 7f7f the largest number', () => {
    expect(countNonFinite(bytesOf(Uint16Array.of(0x7f80, 0xff80, 0x7fc0, 0x7f7f, 0x7c00)), 'BF16')).toBe(3);
  });

  test('but none in integers', () => {
    expect(countNonFinite(new Uint8Array(8).fill(0xff), 'I8')).toBe(0);
  });
});

test('a tensor is reported once, after its last piece', async () => {
  const pieces = [Float32Array.of(1, Number.NaN), Float32Array.of(Infinity, 2)].map(bytesOf);
  const reported: unknown[] = [];
  const tensor = (name: string, parts: readonly Uint8Array[]) => ({
    name,
    dtype: 'F32',
    shape: [4],
    async *pieces() {
      yield* parts;
    },
  });
  const watched = watchNonFinite([tensor('broken', pieces), tensor('sound', [new Uint8Array(16)])], (found) =>
    reported.push(found),
  );
  const read: Uint8Array[] = [];
  for (const { pieces } of watched) for await (const piece of pieces()) read.push(piece);

  expect(reported).toEqual([{ tensor: 'broken', count: 2 }]);
  expect(read.slice(0, 2)).toEqual(pieces);
});

test('the weights of a model are checked in the order of the forward pass', async () => {
  await using sound = await tinyCheckpoint();
  await using broken = await tinyCheckpoint({
    tensors: (tensors) => {
      const data = (name: string) => tensors.find((tensor) => tensor.name === name)!.data;
      data('score.weight').fill(Infinity, 0, 2);
      data('transformer.h.1.mlp.c_fc.bias')[5] = Number.NaN;
      return tensors;
    },
  });

  expect(await findNonFinite((await openCheckpoint(sound.directory)).weights)).toEqual([]);
  expect(await findNonFinite((await openCheckpoint(broken.directory)).weights)).toEqual([
    { tensor: 'transformer.h.1.mlp.c_fc.bias', count: 1 },
    { tensor: 'score.weight', count: 2 },
  ]);
});
