import type { ByteFile } from '../byte-file.ts';
import { CheckpointError } from '../error.ts';
import { elementsOf } from '../tensor-source.ts';
import type { TensorView } from './state-dict.ts';

/** A slice of a packed matrix lies over a few times its own size; what lies wider is not what it says. */
const maxSpread = 16;

/** Data of a tensor in C order; `start` is the first byte of its storage in `file`. */
export async function* tensorPieces(file: ByteFile, start: number, tensor: TensorView): AsyncGenerator<Uint8Array> {
  const { name, shape, strides, offset } = tensor;
  const { itemBytes } = tensor.storage;
  const elements = elementsOf(shape);
  if (elements === 0) return;
  if (isContiguous(shape, strides)) {
    yield* file.pieces(start + offset * itemBytes, elements * itemBytes);
    return;
  }
  // Elements lie apart: the stretch that holds them all is read, then they are picked in order.
  const extent = 1 + shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] ?? 0), 0);
  if (extent > maxSpread * elements) {
    throw new CheckpointError(
      'weights_invalid',
      `Tensor ${name} of ${elements} elements lies scattered over ${extent}. Save it with .contiguous().`,
    );
  }
  const bytes = await file.read(start + offset * itemBytes, extent * itemBytes);
  yield gather(bytes, shape, strides, itemBytes);
}

/** Axes of one element may have any stride. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    if (size !== 1 && strides[axis] !== expected) return false;
    expected *= size;
  }
  return true;
}

function gather(bytes: Buffer, shape: readonly number[], strides: readonly number[], itemBytes: number): Uint8Array {
  const result = Buffer.from(new ArrayBuffer(elementsOf(shape) * itemBytes));
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to += itemBytes) {
    for (let byte = 0; byte < itemBytes; byte++) result[to + byte] = bytes[from * itemBytes + byte] ?? 0;
    // Counts up like an odometer, the last axis first.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      const stride = strides[axis] ?? 0;
      if (next < (shape[axis] ?? 1)) {
        index[axis] = next;
        from += stride;
        break;
      }
      index[axis] = 0;
      from -= (next - 1) * stride;
    }
  }
  return result;
}
