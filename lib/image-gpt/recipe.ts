import type { Preprocessing } from '../ports/model.ts';
import { resize, roundHalfToEven } from './resize.ts';

/** How a picture becomes pixels at the input resolution: everything but the palette. */
export type Recipe = Omit<Preprocessing, 'palette'>;

/** Short side and crop of the paper's evaluation, pixels. */
const CROP = 224;

/**
 * Brings a picture to the model's input resolution.
 *
 * - `none`: the whole picture is squashed, aspect ratio and all, as Hugging Face's processor does.
 * - `short-224-center`: the short side to 224 and the long one in proportion, rounded half to even; the 224 x 224 crop
 *   in the middle (offset rounded down); then down to the input resolution, by the same filter.
 *
 * @param rgb [height, width, 3]
 * @returns [recipe.height, recipe.width, 3]
 */
export function applyRecipe(rgb: Uint8Array, width: number, height: number, recipe: Recipe): Uint8Array {
  if (recipe.crop === 'none') return resize(rgb, width, height, recipe.width, recipe.height, recipe.resample);
  const { outWidth, outHeight } = shortSideTo(CROP, width, height);
  // [224, 224, 3]; only the crop is computed, so a picture of 8x4000 does not grow to 224x112000 first.
  const crop = resize(rgb, width, height, outWidth, outHeight, recipe.resample, {
    left: Math.floor((outWidth - CROP) / 2),
    top: Math.floor((outHeight - CROP) / 2),
    width: CROP,
    height: CROP,
  });
  return resize(crop, CROP, CROP, recipe.width, recipe.height, recipe.resample);
}

/** Smallest size of a picture's short side that the recipe still reads without enlarging it, pixels. */
export function recipeShortSide(recipe: Recipe): number {
  return recipe.crop === 'none' ? Math.max(recipe.width, recipe.height) : CROP;
}

function shortSideTo(side: number, width: number, height: number): { outWidth: number; outHeight: number } {
  return width < height
    ? { outWidth: side, outHeight: roundHalfToEven((side * height) / width) }
    : { outWidth: roundHalfToEven((side * width) / height), outHeight: side };
}
