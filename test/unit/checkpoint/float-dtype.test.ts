import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FloatDtype, floatPieces } from '../../../lib/checkpoint/float-dtype.ts';
import { tensorBytes } from './source-values.ts';

function tensor(dtype: string, bytes: Uint8Array) {
  return {
    name: 'w',
    dtype,
    shape: [],
    async *pieces() {
      yield bytes;
    },
  };
}
const bytesOf = (values: Float32Array | Float64Array | Uint16Array) => new Uint8Array(values.buffer);
async function convert(from: string, bytes: Uint8Array, to: FloatDtype): Promise<Buffer> {
  return tensorBytes({ pieces: () => floatPieces(tensor(from, bytes), to) });
}
const floats = (bytes: Buffer) => [...new Float32Array(new Uint8Array(bytes).buffer)];
const halves = (bytes: Buffer) => [...new Uint16Array(new Uint8Array(bytes).buffer)].map((half) => half.toString(16));

describe('weights', () => {
  it('of the same dtype are not changed', async () => {
    const bytes = Uint8Array.of(1, 2, 3, 4);
    expect([...(await convert('BF16', bytes, 'BF16'))]).toEqual([1, 2, 3, 4]);
  });

  it('become BF16 by rounding to nearest, ties to even', async () => {
    // 1 + 2^-8 lies between 0x3f80 and 0x3f81; 1 + 3 x 2^-8 between 0x3f81 and 0x3f82.
    const values = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, -2, Number.NaN, Infinity);
    expect(halves(await convert('F32', bytesOf(values), 'BF16'))).toEqual([
      '3f80',
      '3f80',
      '3f82',
      '3f81',
      'c000',
      '7fc0',
      '7f80',
    ]);
  });

  it('become F16 by rounding to nearest, ties to even', async () => {
    const values = Float32Array.of(1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65504, 2 ** -24);
    expect(halves(await convert('F32', bytesOf(values), 'F16'))).toEqual(['3c00', '3c00', '3c02', '7bff', '1']);
  });

  it('of 16 bits survive widening and narrowing unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint16Array({ minLength: 1 }), fc.constantFrom('F16', 'BF16'), async (bits, dtype) => {
        // A NaN stays a NaN, but may lose its payload.
        const finite = bits.filter((half) => (half & 0x7fff) < 0x7c00);
        const wide = await convert(dtype, bytesOf(Uint16Array.from(finite)), 'F32');
        const back = await convert('F32', wide, dtype === 'F16' ? 'F16' : 'BF16');
        expect(new Uint16Array(new Uint8Array(back).buffer)).toEqual(Uint16Array.from(finite));
      }),
    );
  });

  it('of 64 bits become F32', async () => {
    expect(floats(await convert('F64', bytesOf(Float64Array.of(0.1, -3)), 'F32'))).toEqual([Math.fround(0.1), -3]);
  });

  it.each([
    ['F16', 'F32', bytesOf(Float32Array.of(1, 70_000)), /70000, which is too large for F16; choose bf16 or f32/],
    ['BF16', 'F32', bytesOf(Float32Array.of(3.4e38)), /too large for BF16; choose f32/],
    ['F32', 'F64', bytesOf(Float64Array.of(1e300)), /too large for F32/],
    ['F32', 'I32', new Uint8Array(4), /Tensor w is I32; expected a float dtype/],
  ] as const)('are refused if %s cannot hold them: from %s', async (to, from, bytes, message) => {
    await expect(convert(from, bytes, to)).rejects.toThrow(message);
  });
});
