import { describe, expect, it } from 'vitest';
import { createQuantizer } from '../../../lib/image-gpt/quantizer.ts';
import { applyRecipe, type Recipe, recipeShortSide } from '../../../lib/image-gpt/recipe.ts';
import type { Resample } from '../../../lib/ports/model.ts';
import { goldenCases, goldenNames, goldenPicture, palette16, palette512 } from '../../support/golden-quant.ts';

const squash = { width: 32, height: 32, resample: 2, crop: 'none' } as const;
const evaluation = { width: 32, height: 32, resample: 2, crop: 'short-224-center' } as const;

const FILTERS: Record<string, Resample> = { nearest: 0, lanczos: 1, bilinear: 2, bicubic: 3, box: 4, hamming: 5 };

function goldenRecipe(key: string): Recipe {
  if (key === 'eval224crop_bilinear_32') return evaluation;
  const [filter, size] = key.split('_');
  return { width: Number(size), height: Number(size), resample: FILTERS[filter!]!, crop: 'none' };
}

describe('applyRecipe', () => {
  const quantize = { p512: createQuantizer(palette512), p16: createQuantizer(palette16) };
  for (const name of goldenNames) {
    it(`gives every golden pixel and token of ${name}: six filters, four sizes, both recipes`, () => {
      const { rgb, width, height } = goldenPicture(name);
      const cases = goldenCases(name);
      expect(cases).toHaveLength(19);
      for (const expected of cases) {
        const pixels = applyRecipe(rgb, width, height, goldenRecipe(expected.key));
        if (expected.rgb) expect([...pixels], expected.key).toEqual(expected.rgb);
        expect([...quantize.p512(pixels)], expected.key).toEqual(expected.p512);
        if (expected.p16) expect([...quantize.p16(pixels)], expected.key).toEqual(expected.p16);
      }
    });
  }

  it('squashes to a resolution that is not square', () => {
    const stripes = Uint8Array.of(0, 0, 0, 100, 100, 100, 200, 200, 200, 255, 255, 255);
    const pixels = applyRecipe(stripes, 1, 4, { width: 1, height: 2, resample: 4, crop: 'none' });
    expect([...pixels]).toEqual([50, 50, 50, 228, 228, 228]);
  });

  it('crops the centre of a very tall picture without resizing all of it', () => {
    const [width, height] = [8, 4000];
    const rgb = new Uint8Array(width * height * 3);
    // Only the middle 8 rows, which become 224, are white.
    rgb.fill(255, 1996 * width * 3, 2004 * width * 3);
    const pixels = applyRecipe(rgb, width, height, { ...evaluation, resample: 4 });
    expect(new Set(pixels)).toEqual(new Set([255]));
  });
});

describe('recipeShortSide', () => {
  it('is the input resolution for a squash and 224 for the crop', () => {
    expect(recipeShortSide({ ...squash, width: 48 })).toBe(48);
    expect(recipeShortSide(evaluation)).toBe(224);
  });
});
