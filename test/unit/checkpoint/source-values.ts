import type { SourceTensor, TensorSource } from '../../../lib/checkpoint/tensor-source.ts';

/** Bytes of a tensor of `source`, all of them. */
export async function sourceBytes(source: TensorSource, name: string): Promise<Buffer> {
  const tensor = source.tensors.get(name);
  if (tensor === undefined) throw new Error(`There is no tensor ${name}`);
  return tensorBytes(tensor);
}

/** All bytes of a tensor. */
export async function tensorBytes(tensor: Pick<SourceTensor, 'pieces'>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  // A piece is valid until the next one: copied.
  for await (const piece of tensor.pieces()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** Numbers of an f32 tensor. */
export async function sourceFloats(source: TensorSource, name: string): Promise<number[]> {
  return [...new Float32Array(new Uint8Array(await sourceBytes(source, name)).buffer)];
}
