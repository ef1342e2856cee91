import { elementsOf } from '../../graph/graph.ts';
import { type ByteFile, openByteFile } from '../byte-file.ts';
import { CheckpointError } from '../error.ts';
import type { SourceTensor, TensorSource } from '../tensor-source.ts';
import type { TensorView, UnreadableTensor } from './tensor-view.ts';
import { openLegacy, openZipped, type TorchFile } from './torch-file.ts';

/**
 * Opens a file of `torch.save`: a zip file, or the legacy format of PyTorch before 1.6. Reads tensors and runs nothing.
 *
 * @throws CheckpointError `weights_unsafe` if the pickle needs more than tensors; `weights_invalid`,
 * `weights_truncated`, `weights_missing`
 */
export async function openTorch(path: string): Promise<TensorSource> {
  const file = await openByteFile(path);
  try {
    const isZip = file.size >= 4 && (await file.read(0, 4)).toString('latin1') === 'PK\x03\x04';
    const { dicts, locate } = isZip ? await openZipped(file) : await openLegacy(file);
    const sources = new Map(
      [...dicts].map(([path, dict]) => [
        path,
        new Map([...dict].map(([name, tensor]) => [name, toSource(file, tensor, locate)])),
      ]),
    );
    const [tensors = new Map<string, SourceTensor>()] = [...sources.values()].toSorted((a, b) => b.size - a.size);
    return {
      format: isZip ? 'PyTorch' : 'PyTorch, legacy form',
      tensors,
      dicts: sources,
      bytes: file.size,
      [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
    };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

function toSource(file: ByteFile, tensor: TensorView | UnreadableTensor, locate: TorchFile['locate']): SourceTensor {
  const { name } = tensor;
  if ('refusal' in tensor) {
    const { refusal } = tensor;
    return {
      name,
      dtype: 'unknown',
      shape: [],
      refusal,
      pieces() {
        throw new CheckpointError('tensor_dtype', `Tensor ${name} ${refusal}.`);
      },
    };
  }
  const { shape, strides, offset, negative } = tensor;
  const { dtype, key } = tensor.storage;
  return {
    name,
    dtype,
    shape,
    place: [key, offset, shape, strides, negative].join('/'),
    async *pieces() {
      for await (const piece of tensorPieces(file, await locate(tensor), tensor)) {
        if (negative) negate(piece, tensor.storage.itemBytes);
        yield piece;
      }
    },
  };
}

/** Flips the sign bit of floats, which is the highest bit of the last byte. */
function negate(bytes: Uint8Array, itemBytes: number): void {
  for (let last = itemBytes - 1; last < bytes.length; last += itemBytes) bytes[last] = (bytes[last] ?? 0) ^ 0x80;
}

/** A slice of a packed matrix spans a few times its own size. A much wider span is hostile. */
const maxSpread = 16;

/** Reads a tensor in C order. `start` is the position of its storage in `file` (bytes). */
async function* tensorPieces(file: ByteFile, start: number, tensor: TensorView): AsyncGenerator<Uint8Array> {
  const { name, shape, strides, offset } = tensor;
  const { itemBytes } = tensor.storage;
  const elements = elementsOf(shape);
  if (elements === 0) return;
  if (isContiguous(shape, strides)) {
    yield* file.pieces(start + offset * itemBytes, elements * itemBytes);
    return;
  }
  // An expanded tensor repeats its elements: a small file could hold one of any size.
  if (elements * itemBytes > file.size) {
    throw new CheckpointError(
      'weights_invalid',
      `Tensor ${name} repeats its elements: it takes ${elements * itemBytes} bytes, more than ${file.name}. Save it with .contiguous().`,
    );
  }
  // The elements are not contiguous: read the whole span, then pick them in order.
  const extent = 1 + shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] ?? 0), 0);
  if (extent > maxSpread * elements) {
    throw new CheckpointError(
      'weights_invalid',
      `Tensor ${name} has ${elements} elements spread over ${extent}; expected at most ${maxSpread} times as many. Save it with .contiguous().`,
    );
  }
  const bytes = await file.read(start + offset * itemBytes, extent * itemBytes);
  yield gather(bytes, shape, strides, itemBytes);
}

/** An axis of size 1 may have any stride. */
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
    // Next index: the last axis changes fastest.
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
