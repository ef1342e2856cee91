import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResizeError, resize, roundHalfToEven } from '../../../lib/image-gpt/resize.ts';
import type { Resample } from '../../../lib/ports/model.ts';
import { goldenCases, goldenNames, goldenPicture } from '../../support/golden-quant.ts';

describe('resize', () => {
  const FILTERS: Record<string, Resample> = { nearest: 0, lanczos: 1, bilinear: 2, bicubic: 3, box: 4, hamming: 5 };

  /** Reference in BigInt, one axis at a time. It shares no code with the tested one. */
  function plainResize(rgb: Uint8Array, w: number, h: number, ow: number, oh: number, resample: Resample): Uint8Array {
    const across = w === ow ? rgb : plainPass(rgb, w, h, ow, resample);
    if (h === oh) return across;
    return transpose(plainPass(transpose(across, ow, h), h, ow, oh, resample), oh, ow);
  }

  function transpose(rgb: Uint8Array, w: number, h: number): Uint8Array {
    return Uint8Array.from({ length: w * h * 3 }, (_, i) => {
      const pixel = Math.floor(i / 3);
      return rgb[((pixel % h) * w + Math.floor(pixel / h)) * 3 + (i % 3)]!;
    });
  }

  function plainPass(rgb: Uint8Array, w: number, h: number, ow: number, resample: Resample): Uint8Array {
    const out = new Uint8Array(ow * h * 3);
    const scale = w / ow;
    const fs = Math.max(scale, 1);
    const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
    const shapes: Record<number, [number, (x: number) => number]> = {
      1: [3, (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0)],
      2: [1, (x) => (Math.abs(x) < 1 ? 1 - Math.abs(x) : 0)],
      3: [
        2,
        (x) => {
          const a = Math.abs(x);
          if (a < 1) return 1.5 * a ** 3 - 2.5 * a ** 2 + 1;
          return a < 2 ? -0.5 * a ** 3 + 2.5 * a ** 2 - 4 * a + 2 : 0;
        },
      ],
      4: [0.5, (x) => (x > -0.5 && x <= 0.5 ? 1 : 0)],
      5: [1, (x) => (Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x)) : 0)],
    };
    const [radius, f] = shapes[resample]!;
    for (let i = 0; i < ow; i += 1) {
      const centre = (i + 0.5) * scale;
      const lo = Math.max(0, Math.trunc(centre - radius * fs + 0.5));
      const hi = Math.min(w, Math.trunc(centre + radius * fs + 0.5));
      const weights = Array.from({ length: hi - lo }, (_, j) => f((lo + j - centre + 0.5) / fs));
      const sum = weights.reduce((a, b) => a + b, 0);
      const fixed = weights.map((k) => BigInt(Math.trunc((k / sum) * 2 ** 22 + (k < 0 ? -0.5 : 0.5))));
      for (let y = 0; y < h; y += 1) {
        for (let c = 0; c < 3; c += 1) {
          const total = fixed.reduce((acc, k, j) => acc + k * BigInt(rgb[(y * w + lo + j) * 3 + c]!), 1n << 21n);
          out[(y * ow + i) * 3 + c] = Math.min(255, Math.max(0, Number(total >> 22n)));
        }
      }
    }
    return out;
  }

  function largestDifference(a: Uint8Array, b: Uint8Array): number {
    expect(a.length).toBe(b.length);
    return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
  }

  const side = fc.integer({ min: 1, max: 24 });
  const picture = fc
    .record({ width: side, height: side })
    .chain(({ width, height }) =>
      fc
        .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
        .map((rgb) => ({ rgb, width, height })),
    );
  for (const name of goldenNames) {
    it(`gives Pillow's bytes for ${name} with every filter and size`, () => {
      const { rgb, width, height } = goldenPicture(name);
      let compared = 0;
      for (const { key, rgb: expected } of goldenCases(name)) {
        const [, filter, size] = /^(nearest|box|bilinear|hamming|bicubic|lanczos)_(\d+)$/.exec(key) ?? [];
        if (filter === undefined || !expected) continue;
        const resized = resize(rgb, width, height, Number(size), Number(size), FILTERS[filter]!);
        expect([...resized], key).toEqual(expected);
        compared += 1;
      }
      expect(compared).toBe(12);
    });
  }

  it('agrees with a plain reference in BigInt for any picture, size and filter', () => {
    fc.assert(
      fc.property(picture, side, side, fc.constantFrom<Resample>(1, 2, 3, 4, 5), (p, ow, oh, resample) => {
        const ours = resize(p.rgb, p.width, p.height, ow, oh, resample);
        const plain = plainResize(p.rgb, p.width, p.height, ow, oh, resample);
        // Sine and cosine may differ in the last bit of a weight, which can change a rounding. Other filters must be equal.
        expect(largestDifference(ours, plain)).toBeLessThanOrEqual(resample === 1 || resample === 5 ? 1 : 0);
      }),
      { numRuns: 300 },
    );
  });

  it('computes a window equal to that part of the whole result', () => {
    const window = fc.record({ left: fc.nat(23), top: fc.nat(23), width: side, height: side });
    fc.assert(
      fc.property(picture, side, side, window, fc.constantFrom<Resample>(0, 1, 2, 3, 4, 5), (p, ow, oh, w, filter) => {
        fc.pre(w.left + w.width <= ow && w.top + w.height <= oh);
        const whole = resize(p.rgb, p.width, p.height, ow, oh, filter);
        const part = resize(p.rgb, p.width, p.height, ow, oh, filter, w);
        const expected = Array.from({ length: w.height }, (_, y) => {
          const from = ((w.top + y) * ow + w.left) * 3;
          return [...whole.subarray(from, from + w.width * 3)];
        }).flat();
        expect([...part]).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('makes the vertical pass first if a picture over 100 times as tall as wide gets shorter, as Pillow does', () => {
    const tall = (height: number) => Uint8Array.from({ length: 2 * height * 3 }, (_, i) => (i * i * 7 + i * 31) % 256);
    const verticalFirst = (rgb: Uint8Array, h: number) => plainResize(plainResize(rgb, 2, h, 2, 5, 3), 2, 5, 7, 5, 3);
    expect([...resize(tall(201), 2, 201, 7, 5, 3)]).toEqual([...verticalFirst(tall(201), 201)]);
    expect([...resize(tall(200), 2, 200, 7, 5, 3)]).toEqual([...plainResize(tall(200), 2, 200, 7, 5, 3)]);
    expect([...verticalFirst(tall(200), 200)]).not.toEqual([...plainResize(tall(200), 2, 200, 7, 5, 3)]);
    const window = { left: 3, top: 2, width: 2, height: 1 };
    const whole = resize(tall(201), 2, 201, 7, 5, 3);
    expect([...resize(tall(201), 2, 201, 7, 5, 3, window)]).toEqual([...whole.subarray(51, 57)]);
  });

  it('keeps a single colour unchanged', () => {
    const rgb = Uint8Array.from({ length: 7 * 5 * 3 }, (_, i) => [200, 3, 255][i % 3]!);
    for (const resample of [0, 1, 2, 3, 4, 5] as const) {
      expect(new Set(resize(rgb, 7, 5, 3, 11, resample)), `filter ${resample}`).toEqual(new Set([200, 3, 255]));
    }
  });

  it('averages pairs of pixels with box: (10 + 21) / 2 rounds up to 16', () => {
    const row = Uint8Array.of(10, 10, 10, 21, 21, 21, 0, 0, 0, 255, 255, 255);
    expect([...resize(row, 4, 1, 2, 1, 4)]).toEqual([16, 16, 16, 128, 128, 128]);
  });

  it('returns a copy when the size stays the same', () => {
    const rgb = Uint8Array.of(1, 2, 3);
    const same = resize(rgb, 1, 1, 1, 1, 2);
    expect([...same]).toEqual([1, 2, 3]);
    expect(same.buffer).not.toBe(rgb.buffer);
  });

  it('enlarges a single pixel', () => {
    expect([...new Set(resize(Uint8Array.of(9, 9, 9), 1, 1, 32, 32, 3))]).toEqual([9]);
  });

  it('refuses a picture whose length is not width x height x 3', () => {
    expect(() => resize(new Uint8Array(11), 2, 2, 1, 1, 2)).toThrow(ResizeError);
    expect(() => resize(new Uint8Array(11), 2, 2, 1, 1, 2)).toThrow(
      'Expected 12 bytes for an RGB picture of 2x2, received 11.',
    );
  });

  it('refuses sizes that are no positive integers, and windows outside the result', () => {
    expect(() => resize(new Uint8Array(0), 0, 2, 1, 1, 2)).toThrow('at least 1, received 0');
    expect(() => resize(new Uint8Array(12), 2, 2, 1.5, 1, 2)).toThrow('received 1.5');
    expect(() => resize(new Uint8Array(12), 2, 2, 4, 4, 2, { left: 3, top: 0, width: 2, height: 1 })).toThrow(
      'Expected a window inside 4x4, received 2x1 at 3,0.',
    );
  });
});

it('rounds halves to the even integer and other numbers to the nearest', () => {
  expect([0.5, 1.5, 2.5, 227.5, 234.5, 2.4, 2.6, -0.6, -1.5].map(roundHalfToEven)).toEqual([
    0, 2, 2, 228, 234, 2, 3, -1, -2,
  ]);
});
