import { type ByteFile, openByteFile } from '../byte-file.ts';
import type { SourceTensor, TensorSource } from '../tensor-source.ts';
import { openLegacy } from './legacy.ts';
import type { TensorView, TorchFile } from './state-dict.ts';
import { tensorPieces } from './strided.ts';
import { openZipped } from './zipped.ts';

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
    const { tensors, locate } = isZip ? await openZipped(file) : await openLegacy(file);
    return {
      format: isZip ? 'PyTorch' : 'PyTorch, legacy form',
      tensors: new Map(tensors.map((tensor) => [tensor.name, toSource(file, tensor, locate)])),
      bytes: file.size,
      [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
    };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

function toSource(file: ByteFile, tensor: TensorView, locate: TorchFile['locate']): SourceTensor {
  const { name, shape } = tensor;
  const { dtype } = tensor.storage;
  return {
    name,
    dtype,
    shape,
    async *pieces() {
      yield* tensorPieces(file, await locate(tensor), tensor);
    },
  };
}
