import { join } from 'node:path';
import { createFile } from '../files/regular-file.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { readConfigFile, toHuggingFaceConfig, toOpenAiConfig } from './config-file.ts';
import type { FloatDtype } from './float-dtype.ts';
import { makeDirectory, refuseFullDisk } from './import/new-directory.ts';
import { initialWeights } from './initial-weights.ts';
import { findPreprocessor } from './palette-file.ts';
import { readPreprocessorFile } from './preprocessor-file.ts';
import { totalBytes, writeShards } from './safetensors/write-shards.ts';

export interface InitOptions {
  config: ImageGptConfig;
  /** Palette file: .npy, or a preprocessor_config.json. */
  palette: string;
  /** Name of the model, written as `_name_or_path`. */
  name: string;
  /** Seed of the random weights (default 0). */
  seed?: number | undefined;
  /** Dtype of the weights (default F32). */
  dtype?: FloatDtype | undefined;
  /** Replace an existing model (default false). */
  force?: boolean | undefined;
  /** Called with the bytes of weights written so far, and in total. */
  progress?: ((done: number, total: number) => void) | undefined;
  /** Largest weight file (bytes; default 5 GB). */
  shardBytes?: number | undefined;
}

/**
 * Creates a model directory with random weights (see {@link initialWeights}), whole or not at all. Weights are written
 * while they are drawn, so a model may be larger than memory.
 *
 * @throws CheckpointError
 */
export async function initCheckpoint(out: string, options: InitOptions): Promise<Checkpoint> {
  const { config, palette, name, seed = 0, dtype = 'F32', force = false, progress, shardBytes } = options;
  await makeDirectory(out, force, async (temporary) => {
    const configPath = join(temporary, 'config.json');
    const json =
      config.objective === 'bert' ? toOpenAiConfig(config, 'none') : toHuggingFaceConfig(config, 'none', dtype);
    await createFile(configPath, `${JSON.stringify({ ...json, _name_or_path: name }, undefined, 2)}\n`);
    const read = await readConfigFile(configPath);
    const preprocessor = await findPreprocessor(temporary, palette, config.n_positions);
    const preprocessorPath = join(temporary, 'preprocessor_config.json');
    await createFile(preprocessorPath, `${JSON.stringify(preprocessor)}\n`);
    await readPreprocessorFile(preprocessorPath, read.config, read.crop);

    const tensors = initialWeights(config, seed, dtype);
    await refuseFullDisk(temporary, totalBytes(tensors));
    await writeShards(temporary, tensors, { progress, shardBytes });
    await openCheckpoint(temporary);
  });
  return openCheckpoint(out);
}
