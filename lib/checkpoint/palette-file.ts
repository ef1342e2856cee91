import { basename, join } from 'node:path';
import { z } from 'zod';
import { decodeNpy, NpyError } from '../image-gpt/npy.ts';
import { CheckpointError } from './error.ts';
import { readJsonFile } from './json-file.ts';
import { longList } from './long-schemas.ts';
import { hasFile, openFile } from './open-file.ts';

/** 65,536 colours as doubles with their header, rounded up (bytes). */
const maxNpyBytes = 2_000_000;

/** OpenAI's file name, and one that some ports use. */
const paletteNames = ['kmeans_centers.npy', 'clusters.npy'];

const preprocessorSchema = z.record(z.string(), z.unknown());

/**
 * Contents for a model's preprocessor_config.json. The palette comes from the file `palette` (.npy, or another
 * preprocessor_config.json), else from the files beside the weights. The contents are checked when the model is opened.
 *
 * @returns undefined without a palette: the model then takes tokens, not pictures
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
  const clusters = palette === undefined ? await findPalette(directory) : await readPalette(palette);
  if (clusters === undefined) return beside === undefined ? undefined : withSize(beside, n_positions);
  return withSize({ ...defaults, ...beside, clusters }, n_positions);
}

/** The settings that Hugging Face publishes with OpenAI's models. */
const defaults = {
  image_processor_type: 'ImageGPTImageProcessor',
  do_resize: true,
  do_normalize: true,
  do_color_quantize: true,
  resample: 2,
};

/** A missing size becomes that of the model. The processor's default, 256, fits no model. */
function withSize(json: Record<string, unknown>, n_positions: number): Record<string, unknown> {
  const { size } = json;
  const side = typeof size === 'number' ? size : Math.sqrt(n_positions);
  if (size !== undefined && typeof size !== 'number') return json;
  if (!Number.isInteger(side)) {
    throw new CheckpointError(
      'preprocessor_invalid',
      `The model has ${n_positions} positions, which is not a square number; add size (height and width) to preprocessor_config.json.`,
    );
  }
  return { ...json, size: { height: side, width: side } };
}

async function findPalette(directory: string): Promise<number[][] | undefined> {
  for (const name of paletteNames) {
    const path = join(directory, name);
    if (await hasFile(path, 'palette_invalid')) return readNpy(path);
  }
  return undefined;
}

/** Reads the colours [V, 3] of a .npy file or of a preprocessor_config.json. */
export async function readPalette(path: string): Promise<number[][]> {
  if (!path.endsWith('.json')) return readNpy(path);
  const schema = z.looseObject({ clusters: longList(longList(z.number())) });
  const json = await readJsonFile(path, schema, 'palette_invalid');
  if (json === undefined) throw invalid(path, 'the file is missing');
  return json.clusters;
}

async function readNpy(path: string): Promise<number[][]> {
  await using file = await openFile(path, 'palette_invalid');
  if (file === undefined) throw invalid(path, 'the file is missing');
  const { size } = await file.stat();
  if (size > maxNpyBytes) throw invalid(path, `it has ${size} bytes; expected at most ${maxNpyBytes}`);
  const bytes = await file.readFile();
  try {
    const { shape, data } = decodeNpy(bytes);
    if (shape.length !== 2 || shape[1] !== 3) throw new NpyError(`shape [${shape.join(', ')}]; expected [colours, 3]`);
    const colors: number[][] = [];
    for (let i = 0; i < data.length; i += 3) colors.push(Array.from(data.subarray(i, i + 3), Math.fround));
    return colors;
  } catch (cause) {
    throw invalid(path, cause instanceof NpyError ? cause.message : 'it is not a .npy file', cause);
  }
}

function invalid(path: string, found: string, cause?: unknown): CheckpointError {
  return new CheckpointError(
    'palette_invalid',
    `${basename(path)} cannot be used as a palette: ${found.replace(/\.$/, '')}.`,
    {
      cause,
    },
  );
}
