import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOf } from './safetensors.ts';
import { type StreamedTensor, streamSafetensors } from './stream-safetensors.ts';

/** Hugging Face's own advice for a file; object stores and old file systems have limits not far above. */
export const maxShardBytes = 5_000_000_000;

/** transformers asks for it: the framework that wrote the tensors. */
const metadata = { format: 'pt' };

/**
 * Writes weights into `directory` as model.safetensors, or, where they pass `limit` bytes, as shards with an index, as
 * transformers' save_pretrained names them. The order stays, so the first blocks lie in the first shards.
 *
 * @param written is told the bytes of data after each piece
 * @returns names of the weight files
 */
export async function writeShards(
  directory: string,
  tensors: readonly StreamedTensor[],
  written: (bytes: number) => void = () => {},
  limit = maxShardBytes,
): Promise<string[]> {
  const shards = split(tensors, limit);
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
  const index = { metadata: { total_size: totalBytes(tensors) }, weight_map };
  await writeFile(join(directory, 'model.safetensors.index.json'), `${JSON.stringify(index, undefined, 2)}\n`);
  return names;
}

/** Bytes of data of all tensors. */
export function totalBytes(tensors: readonly StreamedTensor[]): number {
  return tensors.reduce((sum, { dtype, shape }) => sum + bytesOf(dtype, shape), 0);
}

function split(tensors: readonly StreamedTensor[], limit: number): StreamedTensor[][] {
  const shards: StreamedTensor[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor.dtype, tensor.shape);
    const shard = shards.at(-1);
    if (shard === undefined || bytes > room) {
      shards.push([tensor]);
      room = limit - bytes;
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
