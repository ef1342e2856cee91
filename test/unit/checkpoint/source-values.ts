import type { SourceTensor, TensorSource } from '../../../lib/checkpoint/tensor-source.ts';

/** All bytes of a tensor of `source`. */
export async function sourceBytes(source: TensorSource, name: string): Promise<Buffer> {
  const tensor = source.tensors.get(name);
  if (tensor === undefined) throw new Error(`Expected a tensor ${name}, found none`);
  return tensorBytes(tensor);
}

/** All bytes of a tensor. */
export async function tensorBytes(tensor: Pick<SourceTensor, 'pieces'>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  // Copied, because a piece is valid only until the next one is read.
  for await (const piece of tensor.pieces()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** Numbers of an f32 tensor. */
export async function sourceFloats(source: TensorSource, name: string): Promise<number[]> {
  return [...new Float32Array(new Uint8Array(await sourceBytes(source, name)).buffer)];
}
