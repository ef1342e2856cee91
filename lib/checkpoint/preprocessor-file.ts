import { z } from 'zod';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import type { Crop, Preprocessing, Resample } from '../ports/model.ts';
import { CheckpointError } from './error.ts';
import { readJsonFile } from './json-file.ts';

const side = z.int().positive();
const colour = z.tuple([z.number(), z.number(), z.number()]);

/** Pillow's filter numbers; its own default for ImageGPT is bilinear. */
const resampleSchema = z.union([
  z.literal(0),
  z.literal(1),
  z.literal(2),
  z.literal(3),
  z.literal(4),
  z.literal(5),
]) satisfies z.ZodType<Resample>;

/** Hugging Face's ImageGPTImageProcessor, and ImageGPTFeatureExtractor before it. */
const schema = z.looseObject({
  clusters: z.array(colour).optional(),
  // The processor's own default is 256 x 256, which no ImageGPT has: a wrong size is found below.
  size: z.union([side, z.looseObject({ height: side, width: side })]).default(256),
  resample: resampleSchema.default(2),
  do_resize: z.boolean().default(true),
  do_rescale: z.boolean().default(true),
  do_normalize: z.boolean().default(true),
  do_color_quantize: z.boolean().default(true),
  do_center_crop: z.boolean().nullable().default(false),
  rescale_factor: z.number().default(1 / 255),
  image_mean: z.array(z.number()).default([0.5, 0.5, 0.5]),
  image_std: z.array(z.number()).default([0.5, 0.5, 0.5]),
});

/** k-means centres of pixels in [-1, 1] can pass the end by round-off only. */
const paletteLimit = 1.001;

/**
 * Reads preprocessor_config.json: palette, input resolution, filter.
 *
 * @returns undefined when there is no such file: such a checkpoint takes tokens, not pictures
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
  refuseOtherArithmetic(json);
  const { height, width } = typeof json.size === 'number' ? { height: json.size, width: json.size } : json.size;
  if (height * width !== config.n_positions) {
    throw new CheckpointError(
      'preprocessor_invalid',
      `preprocessor_config.json makes ${height} x ${width} pictures, ${height * width} tokens; config.json has n_positions ${config.n_positions}.`,
    );
  }
  return { height, width, resample: json.resample, crop, palette: toPalette(json.clusters, config.n_colors) };
}

/** Our quantiser knows one way from bytes to [-1, 1]: x / 127.5 - 1, which is what the processor does by default. */
function refuseOtherArithmetic(json: z.infer<typeof schema>): void {
  const half = (values: readonly number[]) => values.every((value) => value === 0.5);
  const wrong = [
    json.do_resize ? undefined : 'do_resize false',
    json.do_rescale ? undefined : 'do_rescale false',
    json.do_normalize ? undefined : 'do_normalize false',
    json.do_color_quantize ? undefined : 'do_color_quantize false',
    json.do_center_crop ? 'do_center_crop true (say igpt.crop in config.json)' : undefined,
    Math.abs(json.rescale_factor * 255 - 1) < 1e-6 ? undefined : `rescale_factor ${json.rescale_factor}, not 1/255`,
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
      `preprocessor_config.json has no clusters, the colour palette: fetch ${paletteToFetch(colors)}, and run igpt import with --palette and that file.`,
    );
  }
  if (clusters.length !== colors) {
    throw new CheckpointError(
      'palette_invalid',
      `The palette in preprocessor_config.json has ${clusters.length} colours; the model has ${colors}.`,
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

/** Where OpenAI publishes the palette that all of its models share. */
const published = 'https://openaipublic.blob.core.windows.net/image-gpt/color-clusters/kmeans_centers.npy';

const publishedColors = 512;

/** What to fetch by hand for a model of so many colours whose palette is missing. */
export function paletteToFetch(colors: number): string {
  return colors === publishedColors
    ? `${published}, the palette of all of OpenAI's models`
    : `kmeans_centers.npy or a preprocessor_config.json with ${colors} clusters from where the weights were published`;
}
