import { augmentedPixels } from '../../image-gpt/augment.ts';
import { createQuantizer } from '../../image-gpt/quantizer.ts';
import type { Random } from '../../image-gpt/random.ts';
import { applyRecipe } from '../../image-gpt/recipe.ts';
import type { Preprocessing } from '../../ports/model.ts';
import { DataSetError } from '../error.ts';
import { type DataSet, gatherTokens, type Originals } from './data-set.ts';

/** Augmented tokens [b, n] of `rows`. Takes three draws of `random` for each picture, in the order of the rows. */
export type Augmenter = (rows: ArrayLike<number>, random: Random) => Uint16Array;

/**
 * Augments by the iGPT paper's CIFAR recipe: reflection padding, crop, flip. Original pictures are augmented, then
 * resized and quantised. Without originals the tokens are augmented. At input resolution both give the same tokens: the
 * recipe only moves pixels, and the palette maps each pixel by itself.
 *
 * @param preprocessing that of the checkpoint; without one, pictures are taken to be square
 * @throws DataSetError `resolution_unknown`
 */
export async function createAugmenter(dataSet: DataSet, preprocessing: Preprocessing | undefined): Promise<Augmenter> {
  if (preprocessing === undefined) {
    const side = Math.sqrt(dataSet.tokensPerPicture);
    if (!Number.isInteger(side)) {
      throw new DataSetError(
        'resolution_unknown',
        `expected preprocessor_config.json to give the width and height of ${dataSet.tokensPerPicture} tokens, found none; add it to the checkpoint, or train without augmentation`,
      );
    }
    return tokenAugmenter(dataSet, side, side);
  }
  const originals = await dataSet.originals?.();
  return originals === undefined
    ? tokenAugmenter(dataSet, preprocessing.width, preprocessing.height)
    : pictureAugmenter(originals, preprocessing);
}

function tokenAugmenter(dataSet: DataSet, width: number, height: number): Augmenter {
  const n = dataSet.tokensPerPicture;
  return (rows, random) => {
    const plain = gatherTokens(dataSet, rows);
    const augmented = new Uint16Array(plain.length);
    for (let start = 0; start < plain.length; start += n) {
      const pixels = augmentedPixels(width, height, random);
      for (let i = 0; i < n; i++) {
        augmented[start + i] = plain[start + (pixels[i] ?? 0)] ?? 0;
      }
    }
    return augmented;
  };
}

function pictureAugmenter({ rgb, width, height }: Originals, preprocessing: Preprocessing): Augmenter {
  const n = preprocessing.width * preprocessing.height;
  const quantize = createQuantizer(preprocessing.palette);
  const picture = new Uint8Array(width * height * 3);
  return (rows, random) => {
    const augmented = new Uint16Array(rows.length * n);
    for (let i = 0; i < rows.length; i++) {
      const start = (rows[i] ?? 0) * picture.length;
      const pixels = augmentedPixels(width, height, random);
      for (let to = 0; to < pixels.length; to++) {
        const from = start + 3 * (pixels[to] ?? 0);
        picture[3 * to] = rgb[from] ?? 0;
        picture[3 * to + 1] = rgb[from + 1] ?? 0;
        picture[3 * to + 2] = rgb[from + 2] ?? 0;
      }
      augmented.set(quantize(applyRecipe(picture, width, height, preprocessing)), i * n);
    }
    return augmented;
  };
}
