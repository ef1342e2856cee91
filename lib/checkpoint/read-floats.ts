import { elementsOf } from '../graph/graph.ts';
import { floatPieces } from './float-dtype.ts';
import type { SourceTensor } from './tensor-source.ts';

/** All values of a tensor, widened to f32. */
export async function readFloats(tensor: SourceTensor): Promise<Float32Array<ArrayBuffer>> {
  const values = new Float32Array(elementsOf(tensor.shape));
  const bytes = new Uint8Array(values.buffer);
  let at = 0;
  for await (const piece of floatPieces(tensor, 'F32')) {
    if (at + piece.length > bytes.length) break;
    bytes.set(piece, at);
    at += piece.length;
  }
  return values;
}
