import { join } from 'node:path';
import { createFile } from '../../files/regular-file.ts';
import { bytesOf } from './safetensors.ts';
import { type StreamedTensor, streamSafetensors } from './write-safetensors.ts';

export interface ShardOptions {
  /** Called with the bytes of data written so far, and in total. */
  progress?: ((done: number, total: number) => void) | undefined;
  /** Largest weight file (bytes; default 5 GB, as Hugging Face recommends). */
  shardBytes?: number | undefined;
}

/** transformers requires the name of the framework that wrote the tensors. */
const metadata = { format: 'pt' };

/**
 * Writes weights into `directory` as model.safetensors. Weights above `shardBytes` become shards with an index, named as
 * by transformers' save_pretrained. The order is kept, so the first blocks are in the first shards.
 *
 * @returns names of the weight files
 */
export async function writeShards(
  directory: string,
  tensors: readonly StreamedTensor[],
  { progress = () => {}, shardBytes = 5_000_000_000 }: ShardOptions = {},
): Promise<string[]> {
  const total = totalBytes(tensors);
  let done = 0;
  const written = (bytes: number) => {
    done += bytes;
    progress(done, total);
  };
  const shards = split(tensors, shardBytes);
  if (shards.length <= 1) {
    await streamSafetensors(join(directory, 'model.safetensors'), tensors, metadata, written);
    return ['model.safetensors'];
  }
  const weight_map: Record<string, string> = {};
  const names = shards.map((_, i) => `model-${digits(i + 1)}-of-${digits(shards.length)}.safetensors`);
  for (const [i, shard] of shards.entries()) {
    const name = names[i] ?? '';
    await streamSafetensors(join(directory, name), shard, metadata, written);
    for (const tensor of shard) weight_map[tensor.name] = name;
  }
  const index = { metadata: { total_size: total }, weight_map };
  await createFile(join(directory, 'model.safetensors.index.json'), `${JSON.stringify(index, undefined, 2)}\n`);
  return names;
}

/** Bytes of data of all tensors. */
export function totalBytes(tensors: readonly StreamedTensor[]): number {
  return tensors.reduce((sum, { dtype, shape }) => sum + bytesOf(dtype, shape), 0);
}

function split(tensors: readonly StreamedTensor[], shardBytes: number): StreamedTensor[][] {
  const shards: StreamedTensor[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor.dtype, tensor.shape);
    const shard = shards.at(-1);
    if (shard === undefined || bytes > room) {
      shards.push([tensor]);
      room = shardBytes - bytes;
    } else {
      shard.push(tensor);
      room -= bytes;
    }
  }
  return shards;
}

function digits(value: number): string {
  return String(value).padStart(5, '0');
}
