import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CheckpointError } from './error.ts';
import { readSafetensorsHeader, type SafetensorsTensor } from './safetensors/safetensors.ts';
import { readShardIndex } from './safetensors/shard-index.ts';
import { maxTensors } from './tensor-source.ts';

/** A tensor of a weight file. */
export interface StoredTensor extends SafetensorsTensor {
  /** Base name of the real file (symbolic links resolved). */
  file: string;
}

export interface WeightFiles {
  /** Real path of the folder that holds all files. */
  directory: string;
  /** Base names of the real files, sorted by their names in the checkpoint. */
  files: readonly string[];
  tensors: ReadonlyMap<string, StoredTensor>;
  /** Size of all files (bytes). */
  bytes: number;
}

const single = 'model.safetensors';
const indexFile = 'model.safetensors.index.json';

/**
 * Finds model.safetensors, or the shards that model.safetensors.index.json lists, and reads their headers. Follows
 * symbolic links, which a Hugging Face hub cache consists of.
 *
 * @throws CheckpointError `checkpoint_missing`, `weights_missing`, `weights_scattered`, `weights_truncated` or `weights_invalid`
 */
export async function readWeightFiles(directory: string): Promise<WeightFiles> {
  const names = await weightFileNames(directory);
  const tensors = new Map<string, StoredTensor>();
  const files: string[] = [];
  let folder: string | undefined;
  let bytes = 0;
  for (const name of names) {
    const path = await resolveWeightFile(directory, name);
    folder ??= dirname(path);
    if (dirname(path) !== folder) {
      throw new CheckpointError(
        'weights_scattered',
        `The weight files of the checkpoint are links into different folders (${names[0]}, ${name}); put all of them into one folder.`,
      );
    }
    const header = await readSafetensorsHeader(path);
    bytes += header.fileBytes;
    files.push(basename(path));
    for (const tensor of header.tensors.values()) {
      if (tensors.has(tensor.name)) {
        throw new CheckpointError(
          'weights_invalid',
          `Two weight files hold a tensor named ${tensor.name}; expected each tensor once.`,
        );
      }
      tensors.set(tensor.name, { ...tensor, file: basename(path) });
    }
    if (tensors.size > maxTensors) {
      throw new CheckpointError('weights_invalid', `The weight files hold more than ${maxTensors} tensors.`);
    }
  }
  return { directory: folder ?? directory, files, tensors, bytes };
}

async function weightFileNames(directory: string): Promise<string[]> {
  const present = await readdir(directory).catch((cause: unknown) => {
    throw new CheckpointError(
      'checkpoint_missing',
      `The checkpoint directory ${directory} cannot be read; check its permissions.`,
      { cause },
    );
  });
  if (present.includes(single)) {
    return [single];
  }
  const shards = await readShardIndex(join(directory, indexFile));
  if (shards === undefined) {
    const advice = present.some((name) => /\.(bin|pth?|index)$/.test(name))
      ? ' Run igpt import on the weights that are there.'
      : '';
    throw new CheckpointError(
      'weights_missing',
      `The checkpoint directory has no ${single} and no ${indexFile}.${advice}`,
    );
  }
  return shards;
}

async function resolveWeightFile(directory: string, name: string): Promise<string> {
  try {
    return await realpath(join(directory, name));
  } catch (cause) {
    throw new CheckpointError(
      'weights_missing',
      `${name} is missing from the checkpoint directory; copy or download it again.`,
      { cause },
    );
  }
}
