import type { Preprocessing } from '../ports/model.ts';
import { resize, roundHalfToEven } from './resize.ts';

/** How a picture is brought to the input resolution: the preprocessing without the palette. */
export type Recipe = Omit<Preprocessing, 'palette'>;

/** Short side and crop in the paper's evaluation (pixels). */
const cropSide = 224;

/**
 * Brings a picture to the model's input resolution.
 *
 * - `none`: squashes the whole picture, without keeping the aspect ratio, as Hugging Face's processor does.
 * - `short-224-center`: resizes the short side to 224 and the long side in proportion (rounded half to even). Crops the
 *   centre 224 x 224 (offset rounded down). Then resizes to the input resolution with the same filter.
 *
 * @param rgb [height, width, 3]
 * @returns [recipe.height, recipe.width, 3]
 */
export function applyRecipe(rgb: Uint8Array, width: number, height: number, recipe: Recipe): Uint8Array {
  if (recipe.crop === 'none') return resize(rgb, width, height, recipe.width, recipe.height, recipe.resample);
  const { outWidth, outHeight } = shortSideTo(cropSide, width, height);
  // [224, 224, 3]. Only the crop is computed; a picture of 8x4000 would otherwise become 224x112000 first.
  const crop = resize(rgb, width, height, outWidth, outHeight, recipe.resample, {
    left: Math.floor((outWidth - cropSide) / 2),
    top: Math.floor((outHeight - cropSide) / 2),
    width: cropSide,
    height: cropSide,
  });
  return resize(crop, cropSide, cropSide, recipe.width, recipe.height, recipe.resample);
}

/** Smallest short side of a picture that the recipe does not enlarge (pixels). */
export function recipeShortSide(recipe: Recipe): number {
  return recipe.crop === 'none' ? Math.max(recipe.width, recipe.height) : cropSide;
}

function shortSideTo(side: number, width: number, height: number): { outWidth: number; outHeight: number } {
  return width < height
    ? { outWidth: side, outHeight: roundHalfToEven((side * height) / width) }
    : { outWidth: roundHalfToEven((side * width) / height), outHeight: side };
}
