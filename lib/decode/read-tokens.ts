import { openPictureDecoder } from '../cli/options/decode-option.ts';
import { createQuantizer } from '../image-gpt/quantizer.ts';
import { eachPicture } from '../local/picture-files.ts';
import type { Preprocessing } from '../ports/model.ts';

/** The limits of commands that read pictures of the user's own choice, as the options' defaults are. */
const LIMITS = {
  allowSvg: false,
  scaledDecoding: false,
  maxMegapixels: 100,
  maxMegabytes: 50,
  decodeTimeout: 10,
  decoders: 1,
} as const;

/** Tokens [n] of every file that is a picture, in order, and the names of those that are none. */
export async function readTokens(
  files: readonly string[],
  recipe: Preprocessing,
): Promise<{ tokens: Uint16Array[]; failed: string[] }> {
  await using decoder = openPictureDecoder(recipe, LIMITS);
  const quantize = createQuantizer(recipe.palette);
  const limits = { maxBytes: LIMITS.maxMegabytes * 1e6, concurrency: 2 };
  const tokens: Uint16Array[] = [];
  const failed: string[] = [];
  for await (const result of eachPicture(files, limits, async (bytes) => quantize((await decoder.decode(bytes)).rgb))) {
    if (result.status === 'succeeded') tokens.push(result.value);
    else failed.push(result.file);
  }
  return { tokens, failed };
}
