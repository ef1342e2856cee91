import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { readConfigFile, toHuggingFaceConfig } from './config-file.ts';
import type { FloatDtype } from './float-dtype.ts';
import { makeDirectory, refuseFullDisk } from './import/new-directory.ts';
import { initialWeights } from './initial-weights.ts';
import { findPreprocessor } from './palette-file.ts';
import { readPreprocessorFile } from './preprocessor-file.ts';
import { maxShardBytes, totalBytes, writeShards } from './safetensors/write-shards.ts';

export interface InitOptions {
  config: ImageGptConfig;
  /** File with the palette: npy, or a preprocessor_config.json. */
  palette: string;
  /** Name of the model, kept as `_name_or_path`. */
  name: string;
  /** Default 0. */
  seed?: number;
  /** Default F32. */
  dtype?: FloatDtype;
  /** Replace a model that is there. Default false. */
  force?: boolean;
  /** Bytes of weights written, of how many. */
  progress?: (done: number, total: number) => void;
  /** Larger models are written in several files. Bytes; default 5 GB. */
  shardBytes?: number;
}

/**
 * Makes a model directory with random weights (see {@link initialWeights}), whole or not at all. They are written as
 * they are drawn, so that memory does not bound the model.
 *
 * @throws CheckpointError
 */
export async function initCheckpoint(out: string, options: InitOptions): Promise<Checkpoint> {
  const { config, palette, name, seed = 0, dtype = 'F32', force = false, progress = () => {}, shardBytes } = options;
  await makeDirectory(out, force, async (temporary) => {
    const configPath = join(temporary, 'config.json');
    const json = { ...toHuggingFaceConfig(config, 'none', dtype), _name_or_path: name };
    await writeFile(configPath, `${JSON.stringify(json, undefined, 2)}\n`);
    const read = await readConfigFile(configPath);
    const preprocessor = await findPreprocessor(temporary, palette, config.n_positions);
    const preprocessorPath = join(temporary, 'preprocessor_config.json');
    await writeFile(preprocessorPath, `${JSON.stringify(preprocessor)}\n`);
    await readPreprocessorFile(preprocessorPath, read.config, read.crop);

    const tensors = initialWeights(config, seed, dtype);
    const total = totalBytes(tensors);
    await refuseFullDisk(temporary, total);
    let done = 0;
    const written = (bytes: number) => {
      done += bytes;
      progress(done, total);
    };
    await writeShards(temporary, tensors, written, shardBytes ?? maxShardBytes);
    await openCheckpoint(temporary);
  });
  return openCheckpoint(out);
}
