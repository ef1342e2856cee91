import { z } from 'zod';
import type { Crop, ImageGptConfig, Preprocessing, Resample } from '../image-gpt/config.ts';
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
  do_normalize: z.boolean().default(true),
  do_color_quantize: z.boolean().default(true),
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
  for (const key of ['do_resize', 'do_normalize', 'do_color_quantize'] as const) {
    if (!json[key]) {
      throw new CheckpointError(
        'preprocessor_invalid',
        `${key} in preprocessor_config.json is false; an ImageGPT needs it true.`,
      );
    }
  }
  const { height, width } = typeof json.size === 'number' ? { height: json.size, width: json.size } : json.size;
  if (height * width !== config.n_positions) {
    throw new CheckpointError(
      'preprocessor_invalid',
      `preprocessor_config.json makes ${height} x ${width} pictures, ${height * width} tokens; config.json has n_positions ${config.n_positions}.`,
    );
  }
  return { height, width, resample: json.resample, crop, palette: toPalette(json.clusters, config.n_colors) };
}

function toPalette(clusters: readonly (readonly number[])[] | undefined, colors: number): Float32Array {
  if (clusters === undefined) {
    throw new CheckpointError(
      'palette_invalid',
      'preprocessor_config.json has no clusters: expected the colour palette.',
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
