import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseSafetensorsHeader } from '../../lib/checkpoint/safetensors/safetensors.ts';

/** All f32 tensors of a safetensors file, by name. */
export async function readTensors(path: string): Promise<Map<string, Float32Array>> {
  const bytes = await readFile(path);
  const header = bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE()));
  const { tensors } = parseSafetensorsHeader(header, bytes.length, basename(path));
  return new Map(
    [...tensors.values()].map(({ name, offset, length }) => {
      const data = new Float32Array(new Uint8Array(bytes.subarray(offset, offset + length)).buffer);
      return [name, data];
    }),
  );
}
