import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { openByteFile } from '../byte-file.ts';
import { CheckpointError } from '../error.ts';
import { readSafetensorsHeader } from '../safetensors/safetensors.ts';
import { readShardIndex } from '../safetensors/shard-index.ts';
import { maxTensors, type SourceTensor, type TensorSource } from '../tensor-source.ts';
import { openTensorFlow } from '../tensorflow/bundle.ts';
import { openTorch } from '../torch/torch-source.ts';

/** Opened weights to import. */
export interface FoundSource {
  /** The folder that holds the weights with their config.json and palette. */
  directory: string;
  source: TensorSource;
}

type Open = (path: string) => Promise<TensorSource>;

/** File names that a directory is searched for, best first. */
const knownFiles: readonly { name: string; open: Open }[] = [
  { name: 'model.safetensors', open: openSafetensors },
  { name: 'model.safetensors.index.json', open: (path) => openShards(path, openSafetensors) },
  { name: 'pytorch_model.bin', open: openTorch },
  { name: 'pytorch_model.bin.index.json', open: (path) => openShards(path, openTorch) },
];

/** Data files of TensorFlow, which are opened by their index. */
const dataFile = /\.data-\d{5}-of-\d{5}$/;

/**
 * Finds and opens the weights at `path`: a directory, or a file of any published format.
 *
 * @throws CheckpointError `source_unknown` if there are none or several, and the errors of the readers
 */
export async function openSource(path: string): Promise<FoundSource> {
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory()) {
    return { directory: path, source: await openDirectory(path) };
  }
  // TensorFlow names a checkpoint by its prefix, `model.ckpt-131000`, which is not a file itself.
  const file = dataFile.test(path) ? path.replace(dataFile, '.index') : stats === undefined ? `${path}.index` : path;
  if (stats === undefined && (await stat(file).catch(() => undefined)) === undefined) {
    throw new CheckpointError('source_unknown', `${path} does not exist; expected a directory or a weight file.`);
  }
  const open = opener(basename(file));
  if (open === undefined) {
    throw new CheckpointError(
      'source_unknown',
      `${basename(file)} is not a weight file; expected .safetensors, .bin, .pt, .pth, .ckpt or .index, or a directory.`,
    );
  }
  return { directory: dirname(file), source: await open(file) };
}

function opener(name: string): Open | undefined {
  if (/\.index\.json$/.test(name)) {
    return (path) => openShards(path, name.includes('.safetensors') ? openSafetensors : openTorch);
  }
  if (name.endsWith('.safetensors')) return openSafetensors;
  if (name.endsWith('.index')) return openTensorFlow;
  return /\.(bin|pt|pth|ckpt)$/.test(name) ? openTorch : undefined;
}

async function openDirectory(directory: string): Promise<TensorSource> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new CheckpointError('source_unknown', `${directory} cannot be read; check its permissions.`, { cause });
  });
  const found = knownFiles.find(({ name }) => names.includes(name));
  if (found !== undefined) return found.open(join(directory, found.name));
  const others = names.filter((name) => !name.startsWith('.') && opener(name) !== undefined).sort();
  const [only, second] = others;
  if (only === undefined || second !== undefined) {
    throw new CheckpointError(
      'source_unknown',
      only === undefined
        ? `${directory} holds no weights; expected model.safetensors, pytorch_model.bin or a TensorFlow .index file.`
        : `${directory} holds several weight files (${others.slice(0, 4).join(', ')}${others.length > 4 ? ', …' : ''}); name one of them.`,
    );
  }
  const open = opener(only) ?? openTorch;
  return open(join(directory, only));
}

/** Opens the shards that an index file lists as one source. */
async function openShards(indexPath: string, open: Open): Promise<TensorSource> {
  const names = (await readShardIndex(indexPath)) ?? [];
  const sources: TensorSource[] = [];
  const close = async () => {
    for (const source of sources) await source[Symbol.asyncDispose]();
  };
  try {
    const tensors = new Map<string, SourceTensor>();
    for (const name of names) {
      const source = await open(join(dirname(indexPath), name));
      sources.push(source);
      for (const tensor of source.tensors.values()) {
        if (tensors.has(tensor.name)) {
          throw new CheckpointError(
            'weights_invalid',
            `Two weight files hold a tensor named ${tensor.name}; expected each tensor once.`,
          );
        }
        tensors.set(tensor.name, tensor);
      }
      if (tensors.size > maxTensors) {
        throw new CheckpointError('weights_invalid', `The shards hold more than ${maxTensors} tensors.`);
      }
    }
    return {
      format: `${sources[0]?.format ?? 'no'} shards`,
      tensors,
      bytes: sources.reduce((sum, source) => sum + source.bytes, 0),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Opens one safetensors file.
 *
 * @throws CheckpointError `weights_missing`, `weights_truncated`, `weights_invalid`
 */
export async function openSafetensors(path: string): Promise<TensorSource> {
  const { tensors, fileBytes } = await readSafetensorsHeader(path);
  const file = await openByteFile(path);
  return {
    format: 'safetensors',
    tensors: new Map(
      [...tensors.values()].map(({ name, dtype, shape, offset, length }) => [
        name,
        { name, dtype, shape, pieces: () => file.pieces(offset, length) },
      ]),
    ),
    bytes: fileBytes,
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}
