import { describe, expect, it } from 'vitest';
import { fitPalette } from '../../../lib/image-gpt/fit-palette.ts';
import { createRandom } from '../../../lib/image-gpt/random.ts';

const options = { colors: 2, seed: 1, iterations: 50 };

describe('a fitted palette', () => {
  it('consists of the means of the clusters', async () => {
    // Two clusters: levels 0 and 2 (mean 1), and 253 and 255 (mean 254).
    const pixels = Uint8Array.from([0, 2, 253, 255].flatMap((level) => [level, level, level]));

    const { palette, inertia, converged } = await fitPalette(pixels, options);

    const levels = [...palette].map((value) => (value + 1) * 127.5).sort((a, b) => a - b);
    expect(levels.slice(0, 3)).toEqual([1, 1, 1].map((level) => expect.closeTo(level, 4)));
    expect(levels.slice(3)).toEqual([254, 254, 254].map((level) => expect.closeTo(level, 4)));
    // Each of four pixels is one level off in three channels.
    expect(inertia).toBeCloseTo((12 / 127.5) ** 2 / 12, 9);
    expect(converged).toBe(true);
  });

  it('weights a colour by its number of pixels', async () => {
    const pixels = Uint8Array.from([0, 0, 0, 3, 200, 200].flatMap((level) => [level, level, level]));

    const { palette } = await fitPalette(pixels, options);

    const levels = [...palette].map((value) => (value + 1) * 127.5).sort((a, b) => a - b);
    expect(levels[0]).toBeCloseTo(0.75, 4);
    expect(levels[5]).toBeCloseTo(200, 4);
  });

  it('is the same for the same pixels in any order, and differs with another seed', async () => {
    const random = createRandom(3, 3);
    const pixels = Uint8Array.from({ length: 3000 }, () => Math.floor(256 * random()));
    const reversed = Uint8Array.from(
      Array.from({ length: 1000 }, (_, i) => [...pixels.subarray(3 * (999 - i), 3 * (1000 - i))]).flat(),
    );
    const paletteOf = async (from: Uint8Array, seed: number) =>
      (await fitPalette(from, { ...options, colors: 16, seed })).palette;

    expect(await paletteOf(reversed, 1)).toEqual(await paletteOf(pixels, 1));
    expect(await paletteOf(pixels, 2)).not.toEqual(await paletteOf(pixels, 1));
  });

  it('lowers the inertia in every round', async () => {
    const random = createRandom(4, 4);
    const pixels = Uint8Array.from({ length: 6000 }, () => Math.floor(256 * random()));
    const inertias: number[] = [];

    await fitPalette(pixels, {
      ...options,
      colors: 32,
      onRound: (_, inertia) => {
        inertias.push(inertia);
      },
    });

    expect(inertias.length).toBeGreaterThan(3);
    expect(inertias).toEqual(inertias.toSorted((a, b) => b - a));
  });

  it('consists of the colours themselves if there are no others', async () => {
    const { inertia } = await fitPalette(Uint8Array.of(1, 2, 3, 4, 5, 6, 1, 2, 3), options);

    expect(inertia).toBeLessThan(1e-12);
  });

  it('is refused for too few different colours', async () => {
    await expect(fitPalette(Uint8Array.of(1, 2, 3, 1, 2, 3), options)).rejects.toThrow(
      /expected pixels of at least 2 different colours, received 1/,
    );
  });
});
