import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CheckpointError } from './error.ts';
import { readSafetensorsHeader, type SafetensorsTensor } from './safetensors/safetensors.ts';
import { readShardIndex } from './safetensors/shard-index.ts';

/** A tensor and the file that holds it. */
export interface StoredTensor extends SafetensorsTensor {
  /** Base name of the real file. */
  file: string;
}

export interface WeightFiles {
  /** Real path of the folder that holds every file. */
  directory: string;
  /** Base names of the real files, in the order of their names in the checkpoint. */
  files: readonly string[];
  tensors: ReadonlyMap<string, StoredTensor>;
  /** All files together, bytes. */
  bytes: number;
}

const single = 'model.safetensors';
const indexFile = 'model.safetensors.index.json';

/**
 * Finds model.safetensors, or the shards that model.safetensors.index.json names, follows symbolic links (a Hugging
 * Face hub cache has nothing else) and reads the headers.
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
        `The weight files of the checkpoint are links into different folders (${names[0]}, ${name}); put them into one.`,
      );
    }
    const header = await readSafetensorsHeader(path);
    bytes += header.fileBytes;
    files.push(basename(path));
    for (const tensor of header.tensors.values()) {
      if (tensors.has(tensor.name)) {
        throw new CheckpointError('weights_invalid', `Two weight files hold a tensor named ${tensor.name}.`);
      }
      tensors.set(tensor.name, { ...tensor, file: basename(path) });
    }
  }
  return { directory: folder ?? directory, files, tensors, bytes };
}

async function weightFileNames(directory: string): Promise<string[]> {
  const present = await readdir(directory).catch((cause: unknown) => {
    throw new CheckpointError('checkpoint_missing', `The checkpoint directory ${directory} cannot be read.`, { cause });
  });
  if (present.includes(single)) {
    return [single];
  }
  const shards = await readShardIndex(join(directory, indexFile));
  if (shards === undefined) {
    const advice = present.some((name) => /\.(bin|pth?|index)$/.test(name))
      ? ' igpt import makes one of what is there.'
      : '';
    throw new CheckpointError('weights_missing', `The checkpoint directory has no ${single}.${advice}`);
  }
  return shards;
}

async function resolveWeightFile(directory: string, name: string): Promise<string> {
  try {
    return await realpath(join(directory, name));
  } catch (cause) {
    throw new CheckpointError('weights_missing', `${name} is missing from the checkpoint directory.`, { cause });
  }
}
