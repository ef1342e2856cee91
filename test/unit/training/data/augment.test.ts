import { describe, expect, it } from 'vitest';
import { createQuantizer } from '../../../../lib/image-gpt/quantizer.ts';
import { createRandom } from '../../../../lib/image-gpt/random.ts';
import type { Preprocessing } from '../../../../lib/ports/model.ts';
import { createAugmenter } from '../../../../lib/training/data/augment.ts';
import { tokenDataSet } from '../../../../lib/training/data/data-set.ts';

/** Grey levels 0 to 255 in 16 steps. */
const palette = Float32Array.from({ length: 48 }, (_, i) => (Math.floor(i / 3) * 17) / 127.5 - 1);
const preprocessing: Preprocessing = { width: 8, height: 8, resample: 2, crop: 'none', palette };
const random = createRandom(1, 1);
const rgb = Uint8Array.from({ length: 3 * 64 * 3 }, () => Math.floor(256 * random()));
const dataSet = tokenDataSet('x', createQuantizer(palette)(rgb), 64);

describe('augmented tokens', () => {
  it('are the same from pictures and from tokens, at input resolution', async () => {
    const originals = async () => ({ rgb, width: 8, height: 8 });
    const fromTokens = await createAugmenter(dataSet, preprocessing);
    const fromPictures = await createAugmenter({ ...dataSet, originals }, preprocessing);

    expect(fromPictures([2, 0, 1], createRandom(5, 6))).toEqual(fromTokens([2, 0, 1], createRandom(5, 6)));
  });

  it('are the same for the same seed, and others for another', async () => {
    const augment = await createAugmenter(dataSet, preprocessing);

    expect(augment([0], createRandom(1, 2))).toEqual(augment([0], createRandom(1, 2)));
    expect(augment([0], createRandom(1, 3))).not.toEqual(augment([0], createRandom(1, 2)));
  });

  it('take three draws of the generator for each picture', async () => {
    const augment = await createAugmenter(dataSet, preprocessing);
    let drawn = 0;

    augment([0, 1], () => {
      drawn += 1;
      return 0.5;
    });

    expect(drawn).toBe(6);
  });

  it('are resized to the input resolution after augmentation of larger originals', async () => {
    // Augmentation cannot change a white picture.
    const originals = async () => ({ rgb: new Uint8Array(16 * 16 * 3).fill(255), width: 16, height: 16 });
    const augment = await createAugmenter({ ...dataSet, originals }, preprocessing);

    expect(augment([0], createRandom(1, 2))).toEqual(new Uint16Array(64).fill(15));
  });

  it('are of square pictures without preprocessing, or refused', async () => {
    const augment = await createAugmenter(dataSet, undefined);
    const known = await createAugmenter(dataSet, preprocessing);

    expect(augment([1], createRandom(1, 2))).toEqual(known([1], createRandom(1, 2)));
    await expect(createAugmenter(tokenDataSet('x', new Uint16Array(6), 6), undefined)).rejects.toThrow(
      /the width and height of 6 tokens/,
    );
  });
});
