import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQuantizer, PaletteError } from '../../../lib/image-gpt/quantizer.ts';
import { goldenCases, goldenNames, palette16, palette512 } from '../../support/golden-quant.ts';

function bruteForce(rgb: Uint8Array, palette: Float32Array): number[] {
  return Array.from({ length: rgb.length / 3 }, (_, i) => {
    const x = [...rgb.subarray(i * 3, i * 3 + 3)].map((level) => level / 127.5 - 1);
    let best = 0;
    let smallest = Number.POSITIVE_INFINITY;
    for (let k = 0; k < palette.length / 3; k += 1) {
      const [r, g, b] = x.map((value, c) => (value - palette[k * 3 + c]!) ** 2);
      const distance = r! + g! + b!;
      if (distance < smallest) {
        smallest = distance;
        best = k;
      }
    }
    return best;
  });
}

/** Deterministic noise, 0 <= x < 1. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('createQuantizer', () => {
  it('gives every golden token of both palettes', () => {
    const quantize = { p512: createQuantizer(palette512), p16: createQuantizer(palette16) };
    let compared = 0;
    for (const { key, rgb, p512, p16 } of goldenNames.flatMap(goldenCases)) {
      if (!rgb) continue;
      const pixels = Uint8Array.from(rgb);
      expect([...quantize.p512(pixels)], key).toEqual(p512);
      if (p16) expect([...quantize.p16(pixels)], key).toEqual(p16);
      compared += p512.length;
    }
    expect(compared).toBeGreaterThan(40_000);
  });

  it('prefers colour 17 to its duplicate 300', () => {
    const rgb = Uint8Array.from(palette512.subarray(51, 54), (c) => Math.round(127.5 * (c + 1)));
    expect([...palette512.subarray(900, 903)]).toEqual([...palette512.subarray(51, 54)]);
    expect([...createQuantizer(palette512)(rgb)]).toEqual([17]);
  });

  it('agrees with brute force for random palettes with duplicates and near-ties', () => {
    // Values on a lattice make exact ties common. A few values lie outside the cube.
    const value = fc.oneof(
      fc.integer({ min: -4, max: 4 }).map((step) => step / 4),
      fc.float({ min: Math.fround(-1.2), max: Math.fround(1.2), noNaN: true }),
    );
    const palette = fc
      .array(fc.tuple(value, value, value), { minLength: 2, maxLength: 40 })
      .map((colors) => Float32Array.from([...colors, ...colors.slice(0, 3)].flat()));
    const pixels = fc.uint8Array({ minLength: 300, maxLength: 300 });
    fc.assert(
      fc.property(palette, pixels, (colors, rgb) => {
        expect([...createQuantizer(colors)(rgb)]).toEqual(bruteForce(rgb, colors));
      }),
      { numRuns: 200 },
    );
  });

  it('prefers the lower index on an exact tie', () => {
    // The palette is the three unit vectors. Equal components of a pixel make exact ties between them.
    const palette = Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
    expect([...createQuantizer(palette)(Uint8Array.of(7, 7, 7, 7, 7, 255, 7, 255, 255))]).toEqual([0, 2, 1]);
  });

  it('is exact for the largest palette, 65,536 colours', () => {
    const random = noise(7);
    const palette = Float32Array.from({ length: 65_536 * 3 }, () => random() * 2 - 1);
    const rgb = Uint8Array.from({ length: 90 }, () => Math.floor(random() * 256));
    expect([...createQuantizer(palette)(rgb)]).toEqual(bruteForce(rgb, palette));
  });

  it('is exact at the corners and edges of the cells', () => {
    const edges = [0, 7, 8, 63, 64, 127, 128, 191, 192, 247, 248, 255];
    const rgb = Uint8Array.from(edges.flatMap((r) => edges.flatMap((g) => edges.flatMap((b) => [r, g, b]))));
    expect([...createQuantizer(palette512)(rgb)]).toEqual(bruteForce(rgb, palette512));
  });

  it('refuses palettes with too few or too many colours, or values that are not finite', () => {
    expect(() => createQuantizer(new Float32Array(3))).toThrow(PaletteError);
    expect(() => createQuantizer(new Float32Array(7))).toThrow('received 7 values');
    expect(() => createQuantizer(new Float32Array(65_537 * 3))).toThrow('received 196611 values');
    expect(() => createQuantizer(Float32Array.of(0, 0, 0, 0, Number.NaN, 0))).toThrow('received NaN in colour 1');
  });
});
