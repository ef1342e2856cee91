import { z } from 'zod';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import type { Crop, Preprocessing, Resample } from '../ports/model.ts';
import { CheckpointError } from './error.ts';
import { readJsonFile } from './json-file.ts';
import { longList } from './long-schemas.ts';

const side = z.int().positive();
const colour = z.tuple([z.number(), z.number(), z.number()]);

/** Pillow's filter numbers. */
const resampleSchema = z.union([
  z.literal(0),
  z.literal(1),
  z.literal(2),
  z.literal(3),
  z.literal(4),
  z.literal(5),
]) satisfies z.ZodType<Resample>;

/** Settings of Hugging Face's ImageGPTImageProcessor, formerly ImageGPTFeatureExtractor. */
const schema = z.looseObject({
  clusters: longList(colour).optional(),
  // The processor's default. No ImageGPT has 256 x 256 positions: the check against n_positions refuses it.
  size: z.union([side, z.looseObject({ height: side, width: side })]).default(256),
  resample: resampleSchema.default(2),
  do_resize: z.boolean().default(true),
  do_rescale: z.boolean().default(true),
  do_normalize: z.boolean().default(true),
  do_color_quantize: z.boolean().default(true),
  do_center_crop: z.boolean().nullable().default(false),
  rescale_factor: z.number().default(1 / 255),
  image_mean: longList(z.number()).default([0.5, 0.5, 0.5]),
  image_std: longList(z.number()).default([0.5, 0.5, 0.5]),
});

/** k-means centres of pixels in [-1, 1] can exceed 1 only by rounding. */
const paletteLimit = 1.001;

/**
 * Reads preprocessor_config.json: palette, input resolution, filter.
 *
 * @returns undefined if there is no such file: the model then takes tokens, not pictures
 * @throws CheckpointError `preprocessor_invalid` or `palette_invalid`
 */
export async function readPreprocessorFile(
  path: string,
  config: Pick<ImageGptConfig, 'n_colors' | 'n_positions'>,
  crop: Crop,
): Promise<Preprocessing | undefined> {
  const json = await readJsonFile(path, schema, 'preprocessor_invalid');
  if (json === undefined) {
    return undefined;
  }
  requireDefaultArithmetic(json);
  const { height, width } = typeof json.size === 'number' ? { height: json.size, width: json.size } : json.size;
  if (height * width !== config.n_positions) {
    throw new CheckpointError(
      'preprocessor_invalid',
      `preprocessor_config.json has size ${height} x ${width}, which is ${height * width} tokens; expected ${config.n_positions}, n_positions in config.json.`,
    );
  }
  return { height, width, resample: json.resample, crop, palette: toPalette(json.clusters, config.n_colors) };
}

/** Our quantizer maps bytes to [-1, 1] by x / 127.5 - 1, the default of the processor. */
function requireDefaultArithmetic(json: z.infer<typeof schema>): void {
  const half = (values: readonly number[]) => values.every((value) => value === 0.5);
  const wrong = [
    json.do_resize ? undefined : 'do_resize false',
    json.do_rescale ? undefined : 'do_rescale false',
    json.do_normalize ? undefined : 'do_normalize false',
    json.do_color_quantize ? undefined : 'do_color_quantize false',
    json.do_center_crop ? 'do_center_crop true (use igpt.crop in config.json instead)' : undefined,
    Math.abs(json.rescale_factor * 255 - 1) < 1e-6
      ? undefined
      : `rescale_factor ${json.rescale_factor} instead of 1/255`,
    half(json.image_mean) && half(json.image_std) ? undefined : 'image_mean and image_std other than 0.5',
  ].find((found) => found !== undefined);
  if (wrong !== undefined) {
    throw new CheckpointError('preprocessor_invalid', `preprocessor_config.json has ${wrong}, which is not supported.`);
  }
}

function toPalette(clusters: readonly (readonly number[])[] | undefined, colors: number): Float32Array {
  if (clusters === undefined) {
    throw new CheckpointError(
      'palette_invalid',
      `preprocessor_config.json has no clusters (the palette). Download ${paletteToFetch(colors)}. Then run igpt import with --palette and that file.`,
    );
  }
  if (clusters.length !== colors) {
    throw new CheckpointError(
      'palette_invalid',
      `The palette in preprocessor_config.json has ${clusters.length} colours; expected ${colors}, as the model has.`,
    );
  }
  const palette = Float32Array.from(clusters.flat()); // [V, 3]
  const outside = palette.find((value) => !(Math.abs(value) <= paletteLimit));
  if (outside !== undefined) {
    throw new CheckpointError(
      'palette_invalid',
      `The palette in preprocessor_config.json holds ${outside}; expected colours in [-1, 1].`,
    );
  }
  return palette;
}

/** OpenAI's palette, which all of its models share. */
const published = 'https://openaipublic.blob.core.windows.net/image-gpt/color-clusters/kmeans_centers.npy';

const publishedColors = 512;

/** Which palette file the user must download for a model of `colors` colours. */
export function paletteToFetch(colors: number): string {
  return colors === publishedColors
    ? `${published}, the palette of all OpenAI models`
    : `kmeans_centers.npy, or a preprocessor_config.json with ${colors} clusters, from the publisher of the weights`;
}

/**
 * The preprocessing of a checkpoint that reads pictures.
 *
 * @throws CheckpointError `preprocessing_missing` when the checkpoint takes tokens only
 */
export function requirePreprocessing(directory: string, preprocessing: Preprocessing | undefined): Preprocessing {
  if (preprocessing === undefined) {
    throw new CheckpointError(
      'preprocessing_missing',
      `${directory}: expected preprocessor_config.json, which holds the palette, but there is none: add the file, or give tokens with igpt forward --tokens`,
    );
  }
  return preprocessing;
}
