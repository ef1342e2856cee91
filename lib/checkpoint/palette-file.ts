import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { decodeNpy, NpyError } from '../image-gpt/npy.ts';
import { CheckpointError } from './error.ts';
import { readJsonFile } from './json-file.ts';
import { statFile } from './stat-file.ts';

/** 65,536 colours as doubles, and their header. */
const maxNpyBytes = 2_000_000;

/** OpenAI's name for its palette, and the one that some ports give it. */
const paletteNames = ['kmeans_centers.npy', 'clusters.npy'];

const preprocessorSchema = z.record(z.string(), z.unknown());

/**
 * What preprocessor_config.json of a model should say, from what lies beside its weights or from `palette`, a file:
 * kmeans_centers.npy, or another preprocessor_config.json. Undefined where there is no palette: such a model takes tokens.
 * What is in it is checked when the model is opened.
 *
 * @throws CheckpointError `palette_invalid`, `preprocessor_invalid`
 */
export async function findPreprocessor(
  directory: string,
  palette: string | undefined,
  n_positions: number,
): Promise<Record<string, unknown> | undefined> {
  const beside = await readJsonFile(
    join(directory, 'preprocessor_config.json'),
    preprocessorSchema,
    'preprocessor_invalid',
  );
  const clusters = palette === undefined ? await besidePalette(directory) : await readPalette(palette);
  if (clusters === undefined) return beside === undefined ? undefined : withSize(beside, n_positions);
  return withSize({ ...defaults, ...beside, clusters }, n_positions);
}

/** Hugging Face's, for OpenAI's models. */
const defaults = {
  image_processor_type: 'ImageGPTImageProcessor',
  do_resize: true,
  do_normalize: true,
  do_color_quantize: true,
  resample: 2,
};

/** A size that is not said is the model's own: the image processor's default, 256, is no model's. */
function withSize(json: Record<string, unknown>, n_positions: number): Record<string, unknown> {
  const { size } = json;
  const side = typeof size === 'number' ? size : Math.sqrt(n_positions);
  if (size !== undefined && typeof size !== 'number') return json;
  if (!Number.isInteger(side)) {
    throw new CheckpointError(
      'preprocessor_invalid',
      `The model has ${n_positions} positions, which is no square; give preprocessor_config.json with its size.`,
    );
  }
  return { ...json, size: { height: side, width: side } };
}

async function besidePalette(directory: string): Promise<number[][] | undefined> {
  for (const name of paletteNames) {
    const path = join(directory, name);
    if ((await statFile(path, 'palette_invalid')) !== undefined) return readNpy(path);
  }
  return undefined;
}

/** Reads the colours [V, 3] of an npy file or of a preprocessor_config.json. */
export async function readPalette(path: string): Promise<number[][]> {
  if (!path.endsWith('.json')) return readNpy(path);
  const schema = z.looseObject({ clusters: z.array(z.array(z.number())) });
  const json = await readJsonFile(path, schema, 'palette_invalid');
  if (json === undefined) throw invalid(path, 'it is not there');
  return json.clusters;
}

async function readNpy(path: string): Promise<number[][]> {
  const stats = await statFile(path, 'palette_invalid');
  if (stats === undefined) throw invalid(path, 'it is not there');
  if (stats.size > maxNpyBytes) throw invalid(path, `it has ${stats.size} bytes; a palette has ${maxNpyBytes} at most`);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw invalid(path, 'it cannot be read', cause);
  });
  try {
    const { shape, data } = decodeNpy(bytes);
    if (shape.length !== 2 || shape[1] !== 3) throw new NpyError(`shape [${shape.join(', ')}]; expected [colours, 3]`);
    const colors: number[][] = [];
    for (let i = 0; i < data.length; i += 3) colors.push(Array.from(data.subarray(i, i + 3), Math.fround));
    return colors;
  } catch (cause) {
    throw invalid(path, cause instanceof NpyError ? cause.message : 'it is no npy file', cause);
  }
}

function invalid(path: string, found: string, cause?: unknown): CheckpointError {
  return new CheckpointError('palette_invalid', `${basename(path)} is no palette: ${found.replace(/\.$/, '')}.`, {
    cause,
  });
}
